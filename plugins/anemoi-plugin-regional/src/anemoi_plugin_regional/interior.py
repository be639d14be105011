"""The scaler ``interior``: the rim of a region has no part in the loss."""

from __future__ import annotations

import torch
from anemoi.core.domain import Domain
from anemoi.core.steps import Steps
from anemoi_plugin_training import Scaler
from torch import Tensor

from .rim import rim_of


class Interior(Scaler):
    """Zero on the rim of a region, which its boundary gives; the mean over the grid is one.

    Parameters
    ----------
    domain, steps
        As for every :class:`anemoi_plugin_training.Scaler`.
    rim
        As for the objective ``limited-area``, which it should be the same as: ``${objective.rim}``.
    """

    axes = ("grid",)

    def __init__(self, *, domain: Domain, steps: Steps, rim: int | str = 2) -> None:
        inside = torch.from_numpy(~rim_of(domain, rim)).float()
        self.found = inside / inside.mean()

    def weights(self, target: Tensor | None, lead_times: tuple[object, ...]) -> Tensor:
        """See :meth:`anemoi_plugin_training.Scaler.weights`."""
        return self.found
