"""Forecasts verified against the truth, drawn and reported on: ``anemoi evaluate`` and ``anemoi plot``."""

from __future__ import annotations

from .climatology import Climatology, climatology
from .evaluation import Evaluation, Score, evaluate
from .period import Period, start_dates

__all__ = ["Climatology", "Evaluation", "Period", "Score", "climatology", "evaluate", "start_dates"]
