"""Cells without a truth are left out, and the others of the variable count for them."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class NanMaskScaler(Scaler):
    """Zero where the target is NaN, and one over the share of the area that is there elsewhere.

    So a variable counts as much as any other however little of it there is: sea-surface temperature is not
    forgotten for lack of sea. The share is taken for each sample, lead time and variable by itself, so that
    the loss of a batch is the mean of those of its samples. A variable that is absent throughout counts
    nothing. In a domain where no output may be missing it does nothing, at no cost.
    """

    axes: tuple[Axis, ...] = ("batch", "time", "grid", "variable")

    def __init__(self, *, domain: Domain, steps: Steps) -> None:
        if not any(domain[name].may_be_missing for name in domain.outputs):
            self.axes = ()
        else:
            self.areas = torch.from_numpy(domain.grid.areas / domain.grid.areas.sum()).float()

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        if target is None:
            return torch.tensor(1.0)
        there = (~target.isnan().any(dim=2)).float()  # (batch, time, grid, outputs)
        self.areas = self.areas.to(target.device)
        share = (self.areas[:, None] * there).sum(dim=2, keepdim=True)
        return torch.where(share > 0, there / share, 0.0)
