"""From a configuration to a graph, without a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anemoi.core import config
from anemoi.core.errors import ConfigError
from anemoi.core.graph import DATA, Graph
from anemoi.core.interfaces import DataSource
from anemoi.core.interfaces.graph_builder import GraphBuilder

PRIMARY = "graph-build"


def build_graph(overrides: Sequence[str]) -> tuple[Graph, Mapping[str, Any], list[dict[str, Any]]]:
    """Build the graph that a configuration describes, on the points of its data.

    Of the configuration the keys ``graph`` and ``data``, or ``domains``, count; what a data set sets for
    trainings besides is left alone.

    Returns
    -------
    Graph, Mapping, list
        The graph, its part of the configuration, and the provenance of the data.

    Raises
    ------
    AnemoiError
        If the configuration, the data or the graph will not do.
    """
    composition = config.compose(PRIMARY, overrides)
    values, trust = composition.values, composition.trusted
    domains = values.get("domains") or {DATA: {"data": values.get("data")}}
    if unnamed := [name for name, own in domains.items() if not own.get("data")]:
        raise ConfigError(f"No data are named for the domain {unnamed[0]!r}.", fix="Choose some: data=NAME")
    sources: dict[str, DataSource] = {
        name: config.build("source", own["data"], trust_code=trust) for name, own in domains.items()
    }
    builder: GraphBuilder = config.build("graph", values["graph"], trust_code=trust)
    graph = builder.build({name: source.grid for name, source in sources.items()})
    parents = [{**source.provenance, "kind": "dataset"} for source in sources.values()]
    return graph, values["graph"], parents
