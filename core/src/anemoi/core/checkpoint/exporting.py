"""Moved to :mod:`anemoi_plugin_export`, of ``anemoi-plugin-export``; this name goes with 0.3."""

from .._moved import moved

__getattr__ = moved(__name__, "anemoi_plugin_export", "anemoi-plugin-export")
