"""What a user may set where a graph is built on its own: the configuration ``graph-build``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from anemoi.core.config import Component, Spec


@dataclass(frozen=True, kw_only=True)
class DomainSettings:
    """One of several data sets.

    Parameters
    ----------
    data
        Its source.
    """

    data: Annotated[Spec, Component("source")]


@dataclass(frozen=True, kw_only=True)
class GraphSettings:
    """A graph, and the data on whose points it is built.

    Parameters
    ----------
    graph
        The graph builder.
    data
        The source of a single data set.
    domains
        Several, by name.
    forcings, dates
        What a data set sets for trainings; a graph needs none of it.
    """

    graph: Annotated[Spec, Component("graph")]
    data: Annotated[Spec, Component("source")] | None = None
    domains: dict[str, DomainSettings] = field(default_factory=dict)
    forcings: Any = None
    dates: Any = None
