"""What is needed to train it, and not to forecast."""

from __future__ import annotations

import torch
from anemoi_plugin_training import Scaler


class Interior(Scaler):
    """Zero on the rim of a region, which is given; the mean is one."""

    axes = ("grid",)

    def __init__(self, *, domain, steps) -> None:
        rim = domain.constants.get("rim")
        if rim is None:
            self.axes = ()
        self.found = torch.tensor(1.0) if rim is None else torch.tensor(rim <= 0).float()

    def weights(self, target, lead_times):
        return self.found / self.found.mean()
