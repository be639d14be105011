"""Moved to :mod:`anemoi_plugin_training`, of ``anemoi-plugin-training``; this name goes with 0.3."""

from .._moved import moved

__getattr__ = moved(__name__, "anemoi_plugin_training", "anemoi-plugin-training")
