"""A weighted sum of losses."""

from __future__ import annotations

from typing import Annotated

import torch
from anemoi.core.config import Builder, Component
from anemoi.core.config.nearest import nearest
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from torch import Tensor, nn

from ..interfaces.loss import Loss

_DEFAULT = {"mse": {"name": "mse"}}


class CombinedLoss(Loss):
    """The sum of several losses, each times a weight.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    losses
        Each under a name of the user's choice; by default the squared error alone.
    shares
        The weight of each, by that name; one where nothing is said.

    Raises
    ------
    ConfigError
        If there are no losses, or a weight is negative or of none of them, or all are zero.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        losses: dict[str, Annotated[Builder, Component("loss")]] | None = None,
        shares: dict[str, float] | None = None,
    ) -> None:
        super().__init__(domain=domain)
        builders = (
            {name: Builder("loss", spec) for name, spec in _DEFAULT.items()} if losses is None else losses
        )
        chosen = {name: (shares or {}).get(name, 1.0) for name in builders}
        if unknown := sorted(set(shares or {}) - set(builders)):
            raise ConfigError(
                f"shares.{unknown[0]} is the weight of no loss.", fix=nearest(unknown[0], builders)
            )
        if not (chosen and min(chosen.values()) >= 0 and max(chosen.values()) > 0):
            raise ConfigError(
                f"Losses cannot be combined with the weights {chosen}.",
                fix="Choose at least one loss, 0 or more for each, and above 0 for at least one.",
            )
        self.shares = tuple(chosen.values())
        parts: list[Loss] = [build(domain=domain) for build in builders.values()]
        self.losses, self.least_members = nn.ModuleList(parts), max(each.least_members for each in parts)
        counted = [loss for loss, share in zip(parts, self.shares, strict=True) if share > 0]
        self.scores_members = any(loss.scores_members for loss in counted)
        self.least_at_mean = all(loss.least_at_mean for loss in counted)

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        values = [
            share * loss(prediction, target, weights)
            for share, loss in zip(self.shares, self.losses, strict=True)
        ]
        return torch.stack(values).sum()
