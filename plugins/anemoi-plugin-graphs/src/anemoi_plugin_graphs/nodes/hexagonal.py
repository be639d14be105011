"""The cells of a hexagonal mesh, over the globe or over the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from anemoi.core.errors import AbsentError, DataError
from numpy.typing import NDArray
from pydantic import Field

from ..interfaces import NodeBuilder
from ..memory import SURE, require_room
from ..neighbours import Pairs
from ..node_set import NodeSet
from ..region import Region, region_of
from .icosahedral import Margin, around

FIRST_EDGE = np.deg2rad(19.0)
"""About the longest distance between the centres of neighbouring cells of the coarsest mesh."""


EDGES_OF_A_NODE = 7.0
"""Six of the finest mesh and a sixth as many of all coarser ones."""


@dataclass(frozen=True, kw_only=True)
class HexagonalNodes(NodeBuilder):
    """The centres of hexagons (and twelve pentagons), with the edges between neighbours at all scales.

    The cells are those of H3 (Uber, https://h3geo.org): each cell of one scale has seven of the next, and its
    centre is the centre of one of them. Over data that cover only a region there is the part of the mesh that
    lies there.

    Parameters
    ----------
    refinement
        Which scale of H3 is the finest: ``2 + 120 * 7**refinement`` nodes on the globe.
    margin
        How far beyond a region the mesh goes, in edges of the finest mesh; null lays it over the globe.
    around
        The nodes that it goes over; all that there are by default.

    Raises
    ------
    AbsentError
        Without the package ``h3``.
    """

    refinement: Annotated[int, Field(ge=0, le=8)] = 2
    margin: Margin | None = 2.0
    around: tuple[str, ...] | None = None

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        h3 = _h3()
        region = None
        if self.margin is not None:
            region = region_of([each.positions for each in around(nodes, self.around)])
        levels = self._levels(h3, region)
        finest = levels[-1]
        # Cells of the coarser scales first: a cell of one scale is the middle one of its seven.
        order: dict[int, int] = {}
        for level, cells in enumerate(levels):
            for cell in cells:
                centre = cell if level == self.refinement else h3.cell_to_center_child(cell, self.refinement)
                if level == self.refinement or centre in finest:
                    order.setdefault(centre, len(order))
        places = np.array([h3.cell_to_latlng(cell) for cell in order])
        meshes = tuple(self._edges(h3, cells, order) for cells in levels)
        return NodeSet(places[:, 0].copy(), places[:, 1].copy(), meshes=meshes)

    def _levels(self, h3: Any, region: Region | None) -> list[dict[int, None]]:
        """The cells of each scale, over the region, in order."""
        if region is None:
            self._require_room(2 + 120 * 7**self.refinement)
        cells = sorted(map(int, h3.get_res0_cells()))
        levels = []
        for level in range(self.refinement + 1):
            if level:
                cells = [int(child) for cell in cells for child in h3.cell_to_children(cell, level)]
            last = level == self.refinement
            if region is not None:
                near = self._near(h3, cells, region, last)
                cells = [cell for cell, kept in zip(cells, near, strict=True) if kept]
                if len(cells) >= SURE:
                    self._require_room(len(cells) * 7 ** (self.refinement - level))
            if not cells:
                raise DataError("No node of the mesh lies near the data.", fix="Choose a larger margin.")
            levels.append(dict.fromkeys(cells))
        return levels

    def _require_room(self, nodes: int) -> None:
        mesh = f"A hexagonal mesh of refinement {self.refinement}"
        require_room(mesh, nodes, edges_of_a_node=EDGES_OF_A_NODE)

    def _near(self, h3: Any, cells: list[int], region: Region, last: bool) -> NDArray[np.bool_]:
        """Which cells lie near the region, or, before the last scale, may have others in them that do."""
        places = np.array([h3.cell_to_latlng(cell) for cell in cells])
        positions = NodeSet(places[:, 0], places[:, 1]).positions
        assert self.margin is not None
        margin = 2.0 * np.sin(min(np.pi, self.margin * FIRST_EDGE / 7 ** (self.refinement / 2)) / 2.0)
        level = h3.get_resolution(cells[0])
        return region.near(positions, margin, beyond=0.0 if last else FIRST_EDGE / 7 ** (level / 2))

    def _edges(self, h3: Any, cells: dict[int, None], order: Mapping[int, int]) -> Pairs:
        """The pairs of neighbours among the cells of one scale, by the numbers of their middle cells."""
        level = h3.get_resolution(next(iter(cells)))

        def number(cell: int) -> int | None:
            return order.get(
                cell if level == self.refinement else int(h3.cell_to_center_child(cell, self.refinement))
            )

        numbers = {cell: number(cell) for cell in cells}
        pairs = [
            (numbers[cell], numbers[int(other)])
            for cell in cells
            for other in h3.grid_ring(cell, 1)
            if cell < int(other) and int(other) in numbers
        ]
        kept = [pair for pair in pairs if None not in pair]
        found = np.sort(np.array(kept, dtype=np.int64).reshape(-1, 2), axis=1)
        return found[np.lexsort((found[:, 1], found[:, 0]))]


def _h3() -> Any:
    try:
        import h3.api.basic_int as h3
    except ImportError as error:
        raise AbsentError(
            "Hexagonal meshes need the package h3, which is not installed.",
            requirement="anemoi-plugin-graphs[hexagonal]",
            fix='Install it: pip install "anemoi-plugin-graphs[hexagonal]"',
        ) from error
    return h3
