"""From the points of a coarse grid to those of a fine one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi_plugin_postprocessing.weights import NEIGHBOURS, check_covered, linear, near
from torch import Tensor

Method = Literal["linear", "inverse-distance", "nearest"]


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Takes fields on one grid to another.

    Parameters
    ----------
    points, shares
        The points that each value is the weighted mean of, and their weights, ``(target, neighbours)``; that
        which counts most first.
    """

    points: Tensor
    shares: Tensor

    def __call__(self, fields: Tensor) -> Tensor:
        """Interpolate ``(..., grid, variables)``.

        What is missing, NaN, at the point that counts most is missing; elsewhere it has no weight.
        """
        points, shares = self.points.to(fields.device), self.shares.to(fields.device)
        near_by = fields[..., points, :]  # (..., target, neighbours, variables)
        shares = shares[..., None] * ~near_by.isnan()
        made = (near_by.nan_to_num() * shares).sum(dim=-2) / shares.sum(dim=-2)
        return torch.where(near_by[..., 0, :].isnan(), torch.nan, made)


@lru_cache(maxsize=8)
def interpolation(source: Grid, target: Grid, method: Method) -> Interpolation:
    """Find the way from one grid to another, as the postprocessor ``regrid`` does.

    Parameters
    ----------
    source, target
        The grids.
    method
        ``linear`` between rows of latitude and between the points of a row; ``inverse-distance``, from the
        four nearest points, for grids without rows; or ``nearest``.

    Raises
    ------
    ConfigError
        If the target reaches beyond the source, or the method needs rows and there are none.
    """
    try:
        check_covered(source, target)
    except DataError as error:
        raise ConfigError(
            "The coarse fields do not cover the fine grid: some of its points lie outside.",
            fix="Choose coarse data that reach beyond it on all sides.",
        ) from error
    if method != "linear":
        points, shares = near(source, target, NEIGHBOURS if method == "inverse-distance" else 1)
    else:
        try:
            points, shares = linear(source, target)
        except DataError as error:
            raise ConfigError(
                "The coarse points lie in no rows of latitude, between which fields could be linear.",
                fix="Choose objective.interpolation=inverse-distance",
            ) from error
    return Interpolation(torch.from_numpy(points), torch.from_numpy(shares).float())
