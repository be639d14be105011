"""Weights by the area of cells."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class AreaScaler(Scaler):
    """Each cell counts by its area, so that poles do not count more than the tropics; mean one."""

    axes: tuple[Axis, ...] = ("grid",)

    def __init__(self, *, domain: Domain, steps: Steps) -> None:
        self.areas = domain.grid.areas

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        return torch.from_numpy(self.areas / self.areas.mean()).float()
