"""How near the source of an edge is, as smooth functions of distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from anemoi.core.errors import ConfigError
from numpy.typing import NDArray
from pydantic import Field

from ..interfaces import EdgeAttribute
from ..neighbours import EARTH, Pairs
from ..node_set import NodeSet
from ..normalisation import normalised_by_target
from .length import lengths

Width = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class GaussianDistanceWeights(EdgeAttribute):
    """A bell curve of the distance; those of each target sum to one.

    Parameters
    ----------
    width_km
        Its standard deviation.
    """

    width_km: Width = 500.0
    names: ClassVar[tuple[str, ...]] = ("gaussian_weight",)

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        scaled = lengths(source, target, pairs) * EARTH / self.width_km
        return _weights(-0.5 * scaled[:, None] ** 2, target, pairs)


@dataclass(frozen=True, kw_only=True)
class RadialBasis(EdgeAttribute):
    """Bell curves of the distance, each around another centre; those of each target and centre sum to one.

    Distances are shares of the longest edge of the same target.

    Parameters
    ----------
    centres
        Where the curves are highest, between 0 and 1.
    width
        How wide they are: at this distance from the centre a curve has fallen to 1/e.

    Raises
    ------
    ConfigError
        If there are no centres, or they are not between 0 and 1.
    """

    centres: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    width: Width = 0.2

    def __post_init__(self) -> None:
        if not self.centres or not all(0.0 <= each <= 1.0 for each in self.centres):
            raise ConfigError(f"centres are {self.centres}.", fix="Choose one or more from 0 to 1.")

    @property
    def names(self) -> tuple[str, ...]:
        """One for each centre."""
        return tuple(f"radial_{number}" for number in range(len(self.centres)))

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        length = lengths(source, target, pairs)
        longest = np.zeros(len(target))
        np.maximum.at(longest, pairs[:, 1], length)
        share = np.divide(length, longest[pairs[:, 1]], out=np.zeros_like(length), where=length > 0.0)
        return _weights(-(((share[:, None] - self.centres) / self.width) ** 2), target, pairs)


def _weights(exponents: NDArray[np.float64], target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
    """The exponentials, ``(edges, columns)``, divided by their sum over the edges of each target.

    The largest of each target is taken out before, or curves far from all of its sources would be zero.
    """
    largest = np.full((len(target), exponents.shape[1]), -np.inf)
    np.maximum.at(largest, pairs[:, 1], exponents)
    return normalised_by_target(np.exp(exponents - largest[pairs[:, 1]]), pairs[:, 1], count=len(target))
