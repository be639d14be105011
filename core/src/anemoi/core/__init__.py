"""Anemoi: build, share and run data-driven weather forecasts out of independent plugins."""

from importlib.metadata import version as _version

__version__: str = _version("anemoi-core")
