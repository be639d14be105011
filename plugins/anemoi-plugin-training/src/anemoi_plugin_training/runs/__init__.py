"""The records that trainings leave, and ``anemoi runs``, which reads them."""

from .record import METRICS, RUN, Metric, Run, find, read

__all__ = ["METRICS", "RUN", "Metric", "Run", "find", "read"]
