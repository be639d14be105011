"""The kinds of components that this plugin owns."""

from __future__ import annotations

from typing import Final

from anemoi.core.plugins import Kind

LOSS: Final = Kind(
    name="loss",
    interface="anemoi_plugin_training.interfaces.loss:Loss",
    checks="anemoi_plugin_training.conformance.losses:CHECKS",
    scaffold="anemoi_plugin_training:scaffold/loss",
)

SCALER: Final = Kind(
    name="scaler",
    interface="anemoi_plugin_training.interfaces.scaler:Scaler",
    checks="anemoi_plugin_training.conformance.scalers:CHECKS",
    scaffold="anemoi_plugin_training:scaffold/scaler",
)

OPTIMISER: Final = Kind(
    name="optimiser",
    interface="anemoi_plugin_training.interfaces.optimiser:Optimiser",
    checks="anemoi_plugin_training.conformance.optimisers:CHECKS",
    scaffold="anemoi_plugin_training:scaffold/optimiser",
)

SCHEDULE: Final = Kind(
    name="schedule",
    interface="anemoi_plugin_training.interfaces.schedule:Schedule",
    checks="anemoi_plugin_training.conformance.schedules:CHECKS",
    scaffold="anemoi_plugin_training:scaffold/schedule",
)

CALLBACK: Final = Kind(
    name="callback",
    interface="anemoi_plugin_training.interfaces.callback:Callback",
    checks="anemoi_plugin_training.conformance.callbacks:CHECKS",
    scaffold="anemoi_plugin_training:scaffold/callback",
)
