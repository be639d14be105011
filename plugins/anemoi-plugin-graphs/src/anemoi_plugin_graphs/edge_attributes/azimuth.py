"""The bearing of the source of an edge as seen from its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..interfaces import EdgeAttribute
from ..neighbours import Pairs
from ..node_set import NodeSet
from .direction import local_axes


@dataclass(frozen=True, kw_only=True)
class Azimuth(EdgeAttribute):
    """The angle from north, clockwise, at which a great circle from the target leads to the source.

    In units of π: from -1 to 1, with a jump at south. It is 0 where both lie in one place.
    """

    names: ClassVar[tuple[str, ...]] = ("azimuth",)

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        return azimuths(source, target, pairs)[:, None] / np.pi


def azimuths(source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.float64]:
    """The bearing of each source from its target, radians in (-π, π] clockwise from north, ``(edges,)``."""
    axes = local_axes(target)[pairs[:, 1], 1:]  # (edges, 2, 3): east and north
    east, north = np.einsum("eij,ej->ie", axes, source.positions[pairs[:, 0]])
    tiny = np.hypot(east, north) < 1e-9  # in one place, or on the other side of the globe
    east = np.where(np.abs(east) < 1e-9, 0.0, east)  # south is π, whatever the rounding
    return np.where(tiny, 0.0, np.arctan2(east, north))
