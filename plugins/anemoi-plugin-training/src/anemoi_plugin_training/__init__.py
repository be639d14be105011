"""Training for Anemoi: the command ``anemoi train``, and the same from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .run import Training, prepare, train

__all__ = ["Training", "prepare", "train"]


def __getattr__(name: str) -> Any:
    # Lazily, because the command and its configuration are looked at without training anything.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import run

    return getattr(run, name)
