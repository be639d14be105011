"""What each kind of component promises. Each is imported when it is first used, because some bring torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .._moved import moved

if TYPE_CHECKING:
    from ..domain import Statistics
    from .capability import Capability
    from .checks_options import ChecksOptions
    from .data_source import DataSource, Times
    from .forcing import Forcing
    from .graph_builder import GraphBuilder
    from .hooks import hookimpl
    from .mapper import Mapper
    from .model import Fields, Model
    from .objective import Criterion, Objective
    from .output import ForecastDescription, Output, State
    from .perturbation import Analysis, Perturbation
    from .postprocessor import PostProcessor
    from .processor import Processor
    from .reads_checkpoints import ReadsCheckpoints
    from .tracker import Tracker
    from .transform import Transform

_MODULE_OF = {
    "Analysis": "perturbation",
    "Capability": "capability",
    "ChecksOptions": "checks_options",
    "Criterion": "objective",
    "DataSource": "data_source",
    "Fields": "model",
    "Forcing": "forcing",
    "ForecastDescription": "output",
    "GraphBuilder": "graph_builder",
    "Mapper": "mapper",
    "Model": "model",
    "Objective": "objective",
    "Output": "output",
    "Perturbation": "perturbation",
    "PostProcessor": "postprocessor",
    "Processor": "processor",
    "ReadsCheckpoints": "reads_checkpoints",
    "State": "output",
    "Statistics": "data_source",
    "Times": "data_source",
    "Tracker": "tracker",
    "Transform": "transform",
    "hookimpl": "hooks",
}

__all__ = [
    "Analysis",
    "Capability",
    "ChecksOptions",
    "Criterion",
    "DataSource",
    "Fields",
    "Forcing",
    "ForecastDescription",
    "GraphBuilder",
    "Mapper",
    "Model",
    "Objective",
    "Output",
    "Perturbation",
    "PostProcessor",
    "Processor",
    "ReadsCheckpoints",
    "State",
    "Statistics",
    "Times",
    "Tracker",
    "Transform",
    "hookimpl",
]


_loss = moved(__name__, "anemoi_plugin_training", "anemoi-plugin-training", depth=2)


def __getattr__(name: str) -> Any:
    if name == "Loss":
        return _loss(name)
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
