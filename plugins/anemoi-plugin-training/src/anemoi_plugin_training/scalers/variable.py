"""Weights of the user's choice by variable."""

from __future__ import annotations

from fnmatch import fnmatchcase

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class VariableScaler(Scaler):
    """Each variable counts as the user says; mean one over the outputs of a domain.

    Parameters
    ----------
    domain, steps
        As for every :class:`.Scaler`.
    weights
        By name or pattern: ``{"q_*": 0.5, tp: 0.1}``. A name wins over patterns, a later pattern over an
        earlier one.
    default
        The weight of every other variable.

    Raises
    ------
    ConfigError
        If a weight is negative, or all are zero.
    """

    axes: tuple[Axis, ...] = ("variable",)

    def __init__(
        self,
        *,
        domain: Domain,
        steps: Steps,
        weights: dict[str, float] | None = None,
        default: float = 1.0,
    ) -> None:
        chosen = weights or {}
        negative = [name for name, weight in {**chosen, "default": default}.items() if not weight >= 0]
        if negative:
            raise ConfigError(f"The weight of {', '.join(negative)} is negative.", fix="Choose 0 or more.")
        self.outputs, self.chosen = domain.outputs, chosen
        found = np.array([self._weight(name, default) for name in domain.outputs])
        if not found.any():
            raise ConfigError(
                f"The weights of all variables are zero: {', '.join(domain.outputs)}.",
                fix="Give at least one a weight above zero.",
            )
        self.found = found / found.mean()

    def _weight(self, name: str, default: float) -> float:
        if name in self.chosen:
            return self.chosen[name]
        matching = [weight for pattern, weight in self.chosen.items() if fnmatchcase(name, pattern)]
        return matching[-1] if matching else default

    @property
    def unmatched(self) -> frozenset[str]:
        """See :attr:`.Scaler.unmatched`."""
        return frozenset(
            pattern
            for pattern in self.chosen
            if not any(name == pattern or fnmatchcase(name, pattern) for name in self.outputs)
        )

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        return torch.from_numpy(self.found).float()
