"""Anemoi: build, share and run data-driven weather forecasts out of independent plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import load as load_checkpoint
    from .forecasting import forecast

__all__ = ["__version__", "forecast", "load_checkpoint"]

__version__: str


def __getattr__(name: str) -> Any:
    """Find what is asked for when it is asked for: metadata and torch are slow to read."""
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("anemoi-core")
    elif name == "forecast":
        from .forecasting import forecast as value
    elif name == "load_checkpoint":
        from .checkpoint import load as value
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
