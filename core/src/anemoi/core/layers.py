"""Moved to :mod:`anemoi_plugin_layers`, of ``anemoi-plugin-layers``; this name goes with 0.3."""

from ._moved import moved

__getattr__ = moved(__name__, "anemoi_plugin_layers", "anemoi-plugin-layers")
