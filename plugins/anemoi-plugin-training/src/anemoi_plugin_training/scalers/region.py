"""A share of the loss for a region."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class RegionScaler(Scaler):
    """A box of latitudes and longitudes gets a share of the loss, whatever its area.

    The share holds together with the scaler ``area``: the mean over cells, weighted by area, is one. A cell
    belongs to the box if its centre does, borders included.

    Parameters
    ----------
    domain, steps
        As for every :class:`.Scaler`.
    north, south
        The latitudes that it lies between (degrees).
    west, east
        The longitudes that it goes from and to, eastwards (degrees, in any range).
    share
        Of the loss, within (0, 1]; with one, nothing outside counts.

    Raises
    ------
    ConfigError
        If the box is empty, has no cell, or has all of them but not all of the loss.
    """

    axes: tuple[Axis, ...] = ("grid",)

    def __init__(
        self,
        *,
        domain: Domain,
        steps: Steps,
        north: float = 90.0,
        south: float = -90.0,
        west: float = 0.0,
        east: float = 360.0,
        share: float = 1.0,
    ) -> None:
        box = f"The box from {south:g} to {north:g} degrees north and {west:g} to {east:g} degrees east"
        if not (south < north and west != east and 0 < share <= 1):
            raise ConfigError(
                f"{box} cannot have a share of {share:g} of the loss.",
                fix="Choose south below north, west other than east, and a share above 0, up to 1.",
            )
        latitudes, longitudes = domain.grid.latitudes, domain.grid.longitudes
        width = (east - west) % 360.0 or 360.0
        # Longitudes are rounded to a metre or so, lest a cell on the western border lie 360° east of it.
        inside = (latitudes >= south) & (latitudes <= north)
        inside &= ((longitudes - west).round(5) % 360.0) <= width
        areas = domain.grid.areas
        part = float(areas[inside].sum() / areas.sum())
        if not inside.any():
            raise ConfigError(f"{box} has no cell of the grid.", fix="Choose a larger one.")
        if inside.all() and share < 1:
            raise ConfigError(f"{box} has every cell of the grid, but a share of {share:g} of the loss.")
        outside = 0.0 if share == 1 else (1 - share) / (1 - part)
        self.found = np.where(inside, share / part, outside)

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        return torch.from_numpy(self.found).float()
