"""The points of a regular latitude-longitude grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from anemoi.core.errors import ConfigError
from pydantic import Field

from ..interfaces import NodeBuilder
from ..node_set import NodeSet

Degrees = Annotated[float, Field(gt=0, le=90)]


@dataclass(frozen=True, kw_only=True)
class LatLonNodes(NodeBuilder):
    """The points of a regular grid of the globe, row by row from the north, east from 0°.

    Parameters
    ----------
    step
        How far apart they are, in degrees, along a meridian and along a parallel.
    cell_centres
        Whether rows lie half a step from the poles; otherwise there is a single node on each pole.

    Raises
    ------
    ConfigError
        If the step does not divide 180 degrees.
    """

    step: Degrees = 5.0
    cell_centres: bool = False

    def __post_init__(self) -> None:
        rows = 180.0 / self.step
        if abs(rows - round(rows)) > 1e-6:
            raise ConfigError(
                f"step is {self.step:g}, which does not divide 180 degrees.",
                fix=f"Choose {180.0 / round(rows):g}, say.",
            )

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        rows = round(180.0 / self.step)
        east = np.arange(2 * rows) * self.step
        north = 90.0 - self.step * (np.arange(rows) + 0.5 if self.cell_centres else np.arange(1, rows))
        latitudes, longitudes = (each.ravel() for each in np.meshgrid(north, east, indexing="ij"))
        if not self.cell_centres:
            latitudes = np.concatenate([[90.0], latitudes, [-90.0]])
            longitudes = np.concatenate([[0.0], longitudes, [0.0]])
        return NodeSet(latitudes, longitudes)
