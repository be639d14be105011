"""From a checkpoint and a source of initial states to a forecast, step by step.

The package is not called ``forecast`` because that is the name of its function, which
``anemoi.core`` offers; a module of that name would take its place there once imported.
"""

from .batch import Batch, Task, prepare
from .destination import Destination, destinations
from .initial import check_source, initial_states, lead_times
from .rollout import LEAD_TIME, Forecast, forecast

__all__ = [
    "LEAD_TIME",
    "Batch",
    "Destination",
    "Forecast",
    "Task",
    "check_source",
    "destinations",
    "forecast",
    "initial_states",
    "lead_times",
    "prepare",
]
