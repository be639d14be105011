"""The graph on a multi-scale icosahedral mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, get_type_hints

from anemoi.core.config import Builder
from anemoi.core.errors import ConfigError
from anemoi.core.graph import HIDDEN, Graph
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.graph_builder import GraphBuilder
from pydantic import Field, TypeAdapter, ValidationError

from .joining import Join
from .nodes.icosahedral import Margin, Refinement
from .recipe import DOMAINS, RecipeGraph

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
    there are. Over a region the mesh is the part of it that lies there; see :class:`.IcosahedralNodes`.

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
    margin
        Where the grids cover only a region: how far beyond it the mesh goes, in edges of the finest mesh.
        Null lays it over the whole globe.

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
    margin: Margin | None = 2.0

    def __post_init__(self) -> None:
        types = get_type_hints(type(self), include_extras=True)
        for field in fields(self):
            _check(field.name, getattr(self, field.name), types[field.name])
        for end in ("encoder", "decoder"):
            options = f"{end}_cutoff_factor", f"{end}_num_nearest_neighbours"
            if all(getattr(self, option) is None for option in options):
                raise ConfigError(f"The {end} has no edges.", fix=f"Set {options[0]}, {options[1]} or both.")

    def build(self, grids: Mapping[str, Grid]) -> Graph:
        """Lay the mesh over the grids and join the grid of each domain to it.

        Raises
        ------
        ConfigError
            If there is no domain, or one has the name of the hidden nodes.
        DataError
            If a grid has no points.
        """
        return self.recipe.build(grids)

    @property
    def recipe(self) -> RecipeGraph:
        """The same as a recipe."""
        mesh = {"name": "icosahedral", "refinement": self.refinement, "margin": self.margin}
        scales = {"name": "multi-scale", "scales": None if self.multi_scale else 1}
        return RecipeGraph(
            nodes={HIDDEN: Builder("node_builder", mesh)},
            edges={
                "encoder": Join(
                    source=DOMAINS,
                    target=HIDDEN,
                    by=_by(self.encoder_cutoff_factor, "target", self.encoder_num_nearest_neighbours),
                ),
                "processor": Join(source=HIDDEN, target=HIDDEN, by={"mesh": Builder("edge_builder", scales)}),
                "decoder": Join(
                    source=HIDDEN,
                    target=DOMAINS,
                    by=_by(self.decoder_cutoff_factor, "source", self.decoder_num_nearest_neighbours),
                ),
            },
        )


def _by(factor: float | None, of: str, neighbours: int | None) -> dict[str, Builder]:
    """What joins grids to the mesh, or the mesh to grids."""
    found: dict[str, Mapping[str, Any]] = {}
    if factor is not None:
        found["cutoff"] = {"name": "cutoff", "factor": factor, "of": of}
    if neighbours is not None:
        found["nearest"] = {"name": "nearest", "neighbours": neighbours}
    return {name: Builder("edge_builder", spec) for name, spec in found.items()}


def _check(option: str, value: object, type_: Any) -> None:
    try:
        TypeAdapter[Any](type_).validate_python(value, strict=True)
    except ValidationError as error:
        raise ConfigError(f"The graph cannot take {option}={value!r}: {error.errors()[0]['msg']}.") from error
