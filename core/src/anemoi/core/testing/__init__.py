"""Moved to :mod:`anemoi_plugin_testing`, of ``anemoi-plugin-testing``; this name goes with 0.3."""

from .._moved import moved

__getattr__ = moved(
    __name__,
    "anemoi_plugin_testing",
    "anemoi-plugin-testing",
    gone={"LossContract": 'derive from anemoi_plugin_testing.Contract and set kind = "loss"'},
)
