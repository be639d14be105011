"""Masks of nodes: by where they are, and by other masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from anemoi.core.errors import ConfigError
from numpy.typing import NDArray
from pydantic import Field
from scipy.spatial import cKDTree

from ..interfaces import NodeAttribute
from ..neighbours import EARTH
from ..node_set import NodeSet

Latitude = Annotated[float, Field(ge=-90, le=90)]


@dataclass(frozen=True, kw_only=True)
class InArea(NodeAttribute):
    """True within a box of latitudes and longitudes, its border included.

    Parameters
    ----------
    north, south
        Degrees.
    west, east
        Degrees, in any range; an area over the date line goes from 170 to -170, say. The same two are a
        single meridian; 0 and 360 go around the globe.

    Raises
    ------
    ConfigError
        If the south is north of the north.
    """

    north: Latitude = 90.0
    west: float = 0.0
    south: Latitude = -90.0
    east: float = 360.0

    def __post_init__(self) -> None:
        if self.south > self.north:
            raise ConfigError(
                f"The south of the area, {self.south:g}°, is north of its north, {self.north:g}°."
            )

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        rows = (nodes.latitudes >= self.south) & (nodes.latitudes <= self.north)
        width = 360.0 if abs(self.east - self.west) >= 360.0 else (self.east - self.west) % 360.0
        beyond = (nodes.longitudes - self.west) % 360.0
        return np.asarray(rows & ((beyond <= width) | (np.abs(nodes.latitudes) == 90.0)))


@dataclass(frozen=True, kw_only=True)
class NearNodes(NodeAttribute):
    """True within a distance of other nodes: the surroundings of a limited area, or where a cut-out is.

    Parameters
    ----------
    nodes
        The name of the others.
    km
        The distance.
    mask
        Of the others only those where this mask is true.
    """

    nodes: str = "data"
    km: Annotated[float, Field(ge=0)] = 100.0
    mask: str | None = None

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        if self.nodes not in others:
            raise ConfigError(
                f"A mask is to be true near nodes {self.nodes!r}, which are not there yet.",
                fix=f"There are: {', '.join(others)}.",
            )
        there = others[self.nodes]
        if self.mask is not None:
            there = there.selected(there.mask(self.mask))
        if not len(there):
            return np.zeros(len(nodes), dtype=bool)
        distance = np.asarray(cKDTree(there.positions).query(nodes.positions)[0])
        return np.asarray(distance <= 2.0 * np.sin(min(np.pi, self.km / EARTH) / 2.0) + 1e-9)


@dataclass(frozen=True, kw_only=True)
class NumberedNodes(NodeAttribute):
    """True for some of the nodes by their numbers: one of the grids that a cut-out or a join consists of.

    Parameters
    ----------
    start, stop
        The first of them, and the first after them; to the last by default.
    """

    start: Annotated[int, Field(ge=0)] = 0
    stop: Annotated[int, Field(ge=1)] | None = None

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        number = np.arange(len(nodes))
        return (number >= self.start) & (number < (len(nodes) if self.stop is None else self.stop))


@dataclass(frozen=True, kw_only=True)
class CombinedMask(NodeAttribute):
    """True where all, any or none of other masks of the same nodes are.

    Parameters
    ----------
    masks
        Their names.
    where
        How many of them must be true: ``all``, ``any`` or ``none``.

    Raises
    ------
    ConfigError
        If no mask is named.
    """

    masks: tuple[str, ...] = ("mask",)
    where: Literal["all", "any", "none"] = "all"

    def __post_init__(self) -> None:
        if not self.masks:
            raise ConfigError("No masks are named to be combined.", fix="Name one or more under masks.")

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        found = np.stack([nodes.mask(name) for name in self.masks])
        if self.where == "all":
            return np.asarray(found.all(axis=0))
        return np.asarray(found.any(axis=0) == (self.where == "any"))
