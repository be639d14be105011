"""A set of nodes while a graph is being built: where they are, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .neighbours import Pairs, Positions


@dataclass(frozen=True, eq=False)
class NodeSet:
    """Nodes on the sphere.

    Parameters
    ----------
    latitudes, longitudes
        ``(nodes,)`` float64, in degrees.
    attributes
        ``(nodes,)`` each, by name: float64 for weights, bool for masks.
    meshes
        Where the nodes are those of a mesh with several scales: the edges of each, the coarsest first,
        ``(edges, 2)`` int64, each edge once. A mesh of one scale has one; other nodes none.
    """

    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    attributes: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    meshes: tuple[Pairs, ...] = ()

    def __post_init__(self) -> None:
        for name, values in self.attributes.items():
            if values.shape != self.latitudes.shape:
                raise DataError(
                    f"The attribute {name} has shape {values.shape}, but there are {len(self)} nodes."
                )

    @classmethod
    def of(cls, grid: Grid) -> NodeSet:
        """The points of a grid, in their order."""
        return cls(np.array(grid.latitudes, dtype=np.float64), np.array(grid.longitudes, dtype=np.float64))

    @classmethod
    def at(cls, positions: Positions, *, meshes: tuple[Pairs, ...] = ()) -> NodeSet:
        """Nodes at unit vectors, ``(nodes, 3)``."""
        x, y, z = positions.T
        latitudes, longitudes = np.rad2deg(np.arctan2(z, np.hypot(x, y))), np.rad2deg(np.arctan2(y, x))
        return cls(latitudes, longitudes, meshes=meshes)

    def __len__(self) -> int:
        return len(self.latitudes)

    @cached_property
    def grid(self) -> Grid:
        """The same as a grid."""
        return Grid(self.latitudes, self.longitudes)

    @cached_property
    def positions(self) -> Positions:
        """Unit vectors from the centre of the Earth, ``(nodes, 3)``."""
        return self.grid.positions

    @cached_property
    def spacing(self) -> float:
        """How far apart the nodes are at most, straight through the unit sphere.

        The longest edge of the finest mesh; without a mesh, the largest distance to the nearest other node.
        """
        if self.meshes and len(self.meshes[-1]):
            ends = self.positions[self.meshes[-1]]
            return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1).max())
        return largest_gap(self.positions)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """The mask of this name.

        Raises
        ------
        DataError
            If there is none, or it is no mask.
        """
        values = self.attributes.get(name)
        if values is None or values.dtype != np.bool_:
            masks = [each for each, found in self.attributes.items() if found.dtype == np.bool_]
            raise DataError(
                f"There is no mask {name!r} on these nodes.",
                fix=f"There are: {', '.join(masks)}." if masks else "They have no masks at all.",
            )
        return values

    def selected(self, keep: NDArray[np.bool_]) -> NodeSet:
        """The nodes where ``keep`` is true, with the edges of their meshes among them."""
        number = np.cumsum(keep) - 1
        return NodeSet(
            self.latitudes[keep],
            self.longitudes[keep],
            {name: values[keep] for name, values in self.attributes.items()},
            tuple(number[mesh[keep[mesh].all(axis=1)]] for mesh in self.meshes),
        )


def largest_gap(positions: Positions) -> float:
    """The largest distance from a point to the nearest that lies elsewhere; 0 for points in one place."""
    places = np.unique(positions.round(7) + 0.0, axis=0)
    if len(places) < 2:
        return 0.0
    return float(np.max(cKDTree(places).query(places, k=[2])[0]))
