"""The kinds of components that this plugin owns."""

from __future__ import annotations

from typing import Final

from anemoi.core.plugins import Kind

NODE_BUILDER: Final = Kind(
    name="node_builder",
    interface="anemoi_plugin_graphs.interfaces:NodeBuilder",
    checks="anemoi_plugin_graphs.conformance.node_builders:CHECKS",
    scaffold="anemoi_plugin_graphs:scaffold/node_builder",
)

EDGE_BUILDER: Final = Kind(
    name="edge_builder",
    interface="anemoi_plugin_graphs.interfaces:EdgeBuilder",
    checks="anemoi_plugin_graphs.conformance.edge_builders:CHECKS",
    scaffold="anemoi_plugin_graphs:scaffold/edge_builder",
)

EDGE_ATTRIBUTE: Final = Kind(
    name="edge_attribute",
    interface="anemoi_plugin_graphs.interfaces:EdgeAttribute",
    checks="anemoi_plugin_graphs.conformance.edge_attributes:CHECKS",
    scaffold="anemoi_plugin_graphs:scaffold/edge_attribute",
)

NODE_ATTRIBUTE: Final = Kind(
    name="node_attribute",
    interface="anemoi_plugin_graphs.interfaces:NodeAttribute",
    checks="anemoi_plugin_graphs.conformance.node_attributes:CHECKS",
    scaffold="anemoi_plugin_graphs:scaffold/node_attribute",
)
