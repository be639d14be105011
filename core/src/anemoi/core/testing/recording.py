"""Moved to :mod:`anemoi_plugin_testing.recording`; this name goes with 0.3."""

from .._moved import moved

__getattr__ = moved(__name__, "anemoi_plugin_testing.recording", "anemoi-plugin-testing")
