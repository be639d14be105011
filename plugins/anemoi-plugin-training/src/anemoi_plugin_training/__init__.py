"""Training for Anemoi: the command ``anemoi train``, and the same from Python."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .interfaces.callback import Callback, Moment, ValidationState
    from .interfaces.loss import Loss
    from .interfaces.optimiser import Optimiser
    from .interfaces.scaler import Scaler
    from .interfaces.schedule import Schedule
    from .preparation import prepare, train
    from .run import Training

_MODULE_OF = {
    "Callback": "interfaces.callback",
    "Loss": "interfaces.loss",
    "Moment": "interfaces.callback",
    "Optimiser": "interfaces.optimiser",
    "Scaler": "interfaces.scaler",
    "Schedule": "interfaces.schedule",
    "Training": "run",
    "ValidationState": "interfaces.callback",
    "prepare": "preparation",
    "train": "preparation",
}

__all__ = [
    "Callback",
    "Loss",
    "Moment",
    "Optimiser",
    "Scaler",
    "Schedule",
    "Training",
    "ValidationState",
    "prepare",
    "train",
]


def __getattr__(name: str) -> Any:
    # Lazily, because the command and its configuration are looked at without training anything.
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
