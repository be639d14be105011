"""What a variable of a data source says of nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Builder, Component
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from numpy.typing import NDArray

from ..interfaces import NodeAttribute
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class OfVariable(NodeAttribute):
    """The values of a variable of a data source on the same points, or a mask made of them.

    They are those of its first time and first member.

    Parameters
    ----------
    source
        Its name and options.
    variable
        Which variable.
    above
        Makes a mask, true where the values are above this: 0.5 makes one of a land-sea mask.
    known
        Makes a mask, true where the values are known, not NaN.

    Raises
    ------
    DataError
        If the source has no such variable or other points, or values are missing that no mask is made of.
    """

    source: Annotated[Builder, Component("source")]
    variable: str
    above: float | None = None
    known: bool = False

    def values(self, nodes: NodeSet, others: Mapping[str, NodeSet]) -> NDArray[Any]:
        """See :meth:`.NodeAttribute.values`."""
        source: DataSource = self.source()
        if self.variable not in source.variables:
            raise DataError(
                f"The source of an attribute has no variable {self.variable!r}.",
                fix=f"It has: {', '.join(source.variables)}.",
            )
        order = Grid(nodes.latitudes, nodes.longitudes).order_of(source.grid)
        if order is None:
            raise DataError(f"The source of {self.variable} has other points than the nodes.")
        first = next(time for time in source.times if time not in source.missing)
        column = source.variables.index(self.variable)
        values = source.read([first])[0, 0, :, column].astype(np.float64)[order]
        if self.known:
            return np.isfinite(values)
        if self.above is not None:
            return values > self.above
        if not np.isfinite(values).all():
            raise DataError(f"{self.variable} is missing on some nodes.", fix="Make a mask: known=true.")
        return values
