"""The continuous ranked probability score at several scales."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.grid import Grid
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from .over_members import OverMembers

_SCALES = (500.0, 1000.0, 2000.0)
_DEGREE = 111.195
"""Kilometres along a meridian, on a sphere of 6371 km."""


class MultiscaleCRPS(OverMembers):
    """The mean of the almost fair CRPS in each cell and of that of means over boxes of several sizes.

    A score in each cell alone is content with members whose errors have the right size in each cell, whatever
    their scale; scores of smoothed fields ask for the right spread at large scales too (Lang et al., "A
    multi-scale loss formulation for learning a probabilistic model with proper score optimisation",
    arXiv:2506.10868, 2025). There fields are smoothed by Gaussians. Here they are averaged over the cells in
    boxes of about the same area, bands of latitude cut into equal parts, on whatever grid, regional or not.
    A box has the weight of its cells, and the mean over them is weighted.

    Parameters
    ----------
    domain, alpha
        As for ``crps``.
    scales
        The sides of boxes, in km; those smaller than cells add the score in each cell again. By default 500,
        1000 and 2000.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        alpha: float = 0.95,
        scales: list[Annotated[float, Field(gt=0)]] | None = None,
    ) -> None:
        super().__init__(domain=domain, alpha=alpha)
        self.scales = tuple(_SCALES if scales is None else scales)
        for number, scale in enumerate(self.scales):
            self.register_buffer(
                f"boxes_{number}", torch.from_numpy(boxes(domain.grid, scale)), persistent=False
            )
        self.counts = [int(self._boxes(number).max()) + 1 for number in range(len(self.scales))]

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        points = prediction.shape[3]
        weights = weights.expand(-1, -1, -1, points, -1)
        scores = [(weights.squeeze(2) * self.crps(prediction, target)).mean()]
        for number, count in enumerate(self.counts):
            cells = self._boxes(number)
            total = _sums(weights, cells, count)  # (batch, time, 1, box, outputs), or one for a size
            safe = torch.where(total > 0, total, 1.0)
            forecast, truth = (_sums(weights * each, cells, count) / safe for each in (prediction, target))
            score = total.squeeze(2) * self.crps(forecast, truth)  # (batch, time, box, outputs)
            scores.append(score.sum(dim=2).mean() / points)
        return torch.stack(scores).mean()

    def _boxes(self, number: int) -> Tensor:
        return self.get_buffer(f"boxes_{number}")


def boxes(grid: Grid, scale: float) -> NDArray[np.int64]:
    """In which box each point of a grid lies, ``(grid,)``, counted from zero; none is empty.

    Parameters
    ----------
    scale
        The sides of a box, in km.
    """
    side = scale / _DEGREE
    bands = max(1, round(180 / side))
    band = np.minimum((90 - grid.latitudes) * bands / 180, bands - 1).astype(int)
    middle = np.deg2rad(90 - (band + 0.5) * 180 / bands)
    sectors = np.maximum(1, np.rint(360 / side * np.cos(middle)))
    sector = np.floor(grid.longitudes % 360 * sectors / 360)
    places = np.stack([band, sector], axis=1)
    return np.unique(places, axis=0, return_inverse=True)[1].ravel().astype(np.int64)


def _sums(values: Tensor, cells: Tensor, count: int) -> Tensor:
    """The sum over the cells of each box, of ``(batch, time, ensemble, grid, outputs)``."""
    into = values.new_zeros((*values.shape[:3], count, values.shape[4]))
    return into.scatter_add(3, cells.view(-1, 1).expand_as(values), values)
