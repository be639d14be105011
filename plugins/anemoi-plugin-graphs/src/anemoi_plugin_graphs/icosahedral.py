"""The graph on a multi-scale icosahedral mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, get_type_hints

import numpy as np
import torch
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.graph import HIDDEN, EdgeName, Edges, Graph, Nodes
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.graph_builder import GraphBuilder
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from .attributes import edges_with_attributes
from .icosphere import Icosphere, icosphere
from .neighbours import Pairs, in_order, join

# Refinement 9 has 2.6 million nodes, 14 km apart: finer than any hidden mesh in use.
Refinement = Annotated[int, Field(ge=0, le=9)]
CutoffFactor = Annotated[float, Field(gt=0)]
Neighbours = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True)
class IcosahedralGraph(GraphBuilder):
    """Hidden nodes on an icosahedral mesh, joined to any grids.

    The mesh is the one of GraphCast (Lam et al., "Learning skillful medium-range global weather
    forecasting", Science 382, 2023): hidden nodes are the vertices of the finest mesh, and hidden
    edges are those of all meshes from the icosahedron to the finest, in both directions.

    Each hidden node hears the grid points within a cut-off radius or its nearest ones; each grid
    point hears hidden nodes likewise. With both options of one kind of edges set, the edges are
    those that either gives. No node is left deaf: one that has nothing within its cut-off radius
    hears the nearest. The grid of each domain is joined to the mesh on its own, whatever other domains
    there are.

    Parameters
    ----------
    refinement
        How many times the triangles of the icosahedron are split in four: ``10 * 4**refinement + 2``
        hidden nodes.
    multi_scale
        Whether the edges of the coarser meshes join those of the finest.
    encoder_cutoff_factor
        Join a grid point to the hidden nodes within this many times the longest edge of the finest
        mesh. At 0.6, the value of GraphCast, each grid point reaches one hidden node or more, at
        refinement 1 and above: no point of an equilateral triangle is farther than 1/√3 of its side
        from the nearest corner.
    encoder_num_nearest_neighbours
        Join this many of the nearest grid points to each hidden node.
    decoder_cutoff_factor
        Join a hidden node to the grid points within this many times the longest edge of the finest mesh.
    decoder_num_nearest_neighbours
        Join this many of the nearest hidden nodes to each grid point: three are roughly the corners
        of the triangle that it lies in.

    Raises
    ------
    ConfigError
        If an option is out of range, or the encoder or the decoder has none.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.NORMALISED_ATTRIBUTES})

    refinement: Refinement = 4
    multi_scale: bool = True
    encoder_cutoff_factor: CutoffFactor | None = 0.6
    encoder_num_nearest_neighbours: Neighbours | None = None
    decoder_cutoff_factor: CutoffFactor | None = None
    decoder_num_nearest_neighbours: Neighbours | None = 3

    def __post_init__(self) -> None:
        types = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            _check(field.name, getattr(self, field.name), types[field.name])
        for end in ("encoder", "decoder"):
            options = f"{end}_cutoff_factor", f"{end}_num_nearest_neighbours"
            if all(getattr(self, option) is None for option in options):
                raise ConfigError(f"The {end} has no edges.", fix=f"Set {options[0]}, {options[1]} or both.")

    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """Lay the mesh over the globe and join the grid of each domain to it.

        Raises
        ------
        ConfigError
            If there is no domain, or one has the name of the hidden nodes.
        DataError
            If a grid has no points.
        """
        if not grids:
            raise ConfigError(
                "A graph needs the grid of at least one domain, but was given none.",
                fix='Name the domain of each grid, such as {"data": grid}.',
            )
        if HIDDEN in grids:
            raise ConfigError(
                f"A domain cannot be named {HIDDEN!r}: that is the name of the hidden nodes.",
                fix="Give the domain another name.",
            )
        for name, grid in grids.items():
            if not len(grid):
                raise DataError(
                    f"A graph needs grids of at least one point, but that of {name!r} has none.",
                    fix=f"Check which points the source of {name!r} selects.",
                )
        mesh = icosphere(self.refinement)
        hidden = _nodes_at(mesh.vertices)
        domains = {name: _nodes(grid.latitudes, grid.longitudes) for name, grid in grids.items()}
        encoders: dict[EdgeName, Edges] = {}
        decoders: dict[EdgeName, Edges] = {}
        for name, grid in grids.items():
            into, out = self._joined(grid, mesh)
            encoders[name, HIDDEN] = edges_with_attributes(domains[name], hidden, into)
            decoders[HIDDEN, name] = edges_with_attributes(hidden, domains[name], out)
        one_way: Pairs = np.concatenate(mesh.edges if self.multi_scale else mesh.edges[-1:])
        both_ways = in_order(np.concatenate([one_way, one_way[:, ::-1]]), len(hidden))
        return Graph(
            nodes={**domains, HIDDEN: hidden},
            edges={
                **encoders,
                (HIDDEN, HIDDEN): edges_with_attributes(hidden, hidden, both_ways),
                **decoders,
            },
        )

    def _joined(self, grid: Grid, mesh: Icosphere) -> tuple[Pairs, Pairs]:
        """Join a grid to the mesh, and the mesh to the grid."""
        points = grid.positions

        def radius(factor: float | None) -> float | None:
            return None if factor is None else factor * mesh.longest_edge

        encoder = join(
            points,
            mesh.vertices,
            radius=radius(self.encoder_cutoff_factor),
            num_nearest_neighbours=self.encoder_num_nearest_neighbours,
        )
        decoder = join(
            mesh.vertices,
            points,
            radius=radius(self.decoder_cutoff_factor),
            num_nearest_neighbours=self.decoder_num_nearest_neighbours,
        )
        return encoder, decoder


def _check(option: str, value: object, type_: Any) -> None:
    try:
        TypeAdapter[Any](type_).validate_python(value, strict=True)
    except ValidationError as error:
        raise ConfigError(f"The graph cannot take {option}={value!r}: {error.errors()[0]['msg']}.") from error


def _nodes_at(positions: NDArray[np.float64]) -> Nodes:
    x, y, z = positions.T
    return _nodes(np.rad2deg(np.arctan2(z, np.hypot(x, y))), np.rad2deg(np.arctan2(y, x)))


def _nodes(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> Nodes:
    return Nodes(
        torch.as_tensor(np.array(latitudes, dtype=np.float64)),
        torch.as_tensor(np.array(longitudes, dtype=np.float64)),
    )
