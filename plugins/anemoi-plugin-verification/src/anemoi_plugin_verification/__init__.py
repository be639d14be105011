"""Forecasts verified against the truth, drawn and reported on: ``anemoi evaluate`` and ``anemoi plot``."""

from __future__ import annotations

from .climatology import Climatology, climatology
from .date_mean import DateMean
from .evaluation import Evaluator, evaluate
from .metric import Metric
from .period import Period, start_dates
from .scores import Evaluation, Score

__all__ = [
    "Climatology",
    "DateMean",
    "Evaluation",
    "Evaluator",
    "Metric",
    "Period",
    "Score",
    "climatology",
    "evaluate",
    "start_dates",
]
