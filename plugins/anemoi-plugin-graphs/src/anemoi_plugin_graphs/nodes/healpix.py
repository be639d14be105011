"""The pixels of a HEALPix grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from anemoi.core.errors import AbsentError
from pydantic import Field

from ..interfaces import NodeBuilder
from ..memory import require_room
from ..neighbours import Pairs
from ..node_set import NodeSet

_DEEPER = 10
"""How many refinements down a corner of a pixel is looked for: its place to a thousandth of the pixel."""

_BEYOND = 0.02
"""How far beyond its border a neighbour is looked for, as a share of the way from the centre to there."""


EDGES_OF_A_NODE = 32 / 3
"""Eight of the finest grid and a third as many of all coarser ones."""


@dataclass(frozen=True, kw_only=True)
class HealpixNodes(NodeBuilder):
    """The centres of the pixels of a HEALPix grid, in nested order, and the edges between neighbours.

    Pixels have equal areas, and eight neighbours each, or seven next to the corners of the twelve first ones
    (Górski et al., ApJ 622, 2005). Of a coarser grid each pixel stands for the first of the four in it.

    Parameters
    ----------
    refinement
        How many times the twelve first pixels are split in four: ``12 * 4**refinement`` nodes.

    Raises
    ------
    AbsentError
        Without the package ``healpix``.
    """

    refinement: Annotated[int, Field(ge=0, le=10)] = 4

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        healpix, nside = _healpix(), 2**self.refinement
        mesh = f"A HEALPix grid of refinement {self.refinement}"
        require_room(mesh, 12 * 4**self.refinement, edges_of_a_node=EDGES_OF_A_NODE)
        longitudes, latitudes = healpix.pix2ang(nside, np.arange(12 * nside**2), nest=True, lonlat=True)
        meshes = tuple(
            pixel_neighbours(level) * 4 ** (self.refinement - level) for level in range(self.refinement + 1)
        )
        return NodeSet(np.asarray(latitudes, np.float64), np.asarray(longitudes, np.float64), meshes=meshes)


def pixel_neighbours(refinement: int) -> Pairs:
    """The pairs of pixels that share an edge or a corner, nested, ``(pairs, 2)``, the lower number first.

    A neighbour is found a little way beyond the middle of each edge and beyond each corner.
    """
    healpix, nside = _healpix(), 2**refinement
    pixels, side = np.arange(12 * nside**2, dtype=np.int64), 2**_DEEPER
    centres = np.stack(healpix.pix2vec(nside, pixels, nest=True), axis=-1)  # (pixels, 3)
    ends = (0, side // 2, side - 1)
    found = []
    for x in ends:
        for y in ends:
            if x == y == side // 2:
                continue
            inside = pixels * side**2 + _interleaved(x, y)  # a tiny pixel at this place on the border
            border = np.stack(healpix.pix2vec(nside * side, inside, nest=True), axis=-1)
            beyond = border + _BEYOND * (border - centres)
            found.append(np.asarray(healpix.vec2pix(nside, *beyond.T, nest=True), dtype=np.int64))
    other = np.stack(found, axis=-1)  # (pixels, 8)
    pairs = np.stack([np.repeat(pixels, 8), other.ravel()], axis=-1)
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    return np.unique(pairs, axis=0)


def _interleaved(x: int, y: int) -> int:
    """The number of a pixel within its coarse one, from its column and row."""
    return sum(((x >> bit & 1) << 2 * bit) | ((y >> bit & 1) << 2 * bit + 1) for bit in range(_DEEPER))


def _healpix() -> Any:
    try:
        import healpix
    except ImportError as error:
        raise AbsentError(
            "HEALPix grids need the package healpix, which is not installed.",
            requirement="anemoi-plugin-graphs[healpix]",
            fix='Install it: pip install "anemoi-plugin-graphs[healpix]"',
        ) from error
    return healpix
