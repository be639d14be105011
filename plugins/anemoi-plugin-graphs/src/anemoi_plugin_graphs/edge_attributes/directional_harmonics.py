"""Sines and cosines of multiples of the bearing of an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..interfaces import EdgeAttribute
from ..neighbours import Pairs
from ..node_set import NodeSet
from .azimuth import azimuths


@dataclass(frozen=True, kw_only=True)
class DirectionalHarmonics(EdgeAttribute):
    """The sine and the cosine of 1 to ``order`` times the bearing: a direction without a jump.

    Parameters
    ----------
    order
        How many multiples.
    """

    order: Annotated[int, Field(ge=1, le=32)] = 3

    @property
    def names(self) -> tuple[str, ...]:
        """The sine and the cosine of each multiple."""
        return tuple(f"{part}_{number}" for number in range(1, self.order + 1) for part in ("sin", "cos"))

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        angle = azimuths(source, target, pairs)
        multiples = angle[:, None] * np.arange(1, self.order + 1)  # (edges, order)
        return np.stack([np.sin(multiples), np.cos(multiples)], axis=-1).reshape(len(pairs), 2 * self.order)
