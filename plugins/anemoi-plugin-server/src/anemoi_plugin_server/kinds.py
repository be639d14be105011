"""The kind of components that this plugin owns."""

from __future__ import annotations

from typing import Final

from anemoi.core.plugins import Kind

JOB: Final = Kind(
    name="job",
    interface="anemoi_plugin_server.job:Job",
    checks="anemoi_plugin_server.conformance:CHECKS",
    scaffold="anemoi_plugin_server:scaffold",
)
