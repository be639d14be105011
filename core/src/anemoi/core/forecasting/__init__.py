"""From a checkpoint and a source of initial states to a forecast, step by step.

The package is not called ``forecast`` because that is the name of its function, which
``anemoi.core`` offers; a module of that name would take its place there once imported.
"""

from .batch import Batch, Task, prepare
from .destination import Destination, destinations
from .initial import Sources, by_domain, check_sources, lead_times
from .rollout import LEAD_TIME, Forecast, forecast
from .suite import Suite, SuiteOutput, read_settings, read_suite, source_specs

__all__ = [
    "LEAD_TIME",
    "Batch",
    "Destination",
    "Forecast",
    "Sources",
    "Suite",
    "SuiteOutput",
    "Task",
    "by_domain",
    "check_sources",
    "destinations",
    "forecast",
    "lead_times",
    "prepare",
    "read_settings",
    "read_suite",
    "source_specs",
]
