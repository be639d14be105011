"""The kind of components that this plugin owns."""

from __future__ import annotations

from typing import Final

from anemoi.core.plugins import Kind

METRIC: Final = Kind(
    name="metric",
    interface="anemoi_plugin_verification.metric:Metric",
    checks="anemoi_plugin_verification.conformance:CHECKS",
    scaffold="anemoi_plugin_verification:scaffold",
)
