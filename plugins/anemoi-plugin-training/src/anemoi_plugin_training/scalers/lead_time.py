"""Weights by lead time."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Steps
from anemoi.core.times import parse_duration
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class LeadTimeScaler(Scaler):
    """Lead times count as the user says, or less and less.

    Parameters
    ----------
    domain, steps
        As for every :class:`.Scaler`.
    half_life
        After how long a lead time counts half as much, ``48h``: ``0.5 ** (lead time / half_life)``.
    weights
        Of lead times, ``{6h: 1.0, 12h: 0.5}``, instead; any other has weight one.

    Raises
    ------
    ConfigError
        If both are given, a weight is negative, or ``half_life`` is zero.
    """

    axes: tuple[Axis, ...] = ("time",)

    def __init__(
        self,
        *,
        domain: Domain,
        steps: Steps,
        half_life: str | None = None,
        weights: dict[str, float] | None = None,
    ) -> None:
        if half_life is not None and weights:
            raise ConfigError("Lead times have a half_life and weights.", fix="Choose one of them.")
        self.half_life = None if half_life is None else parse_duration(half_life)
        if self.half_life == np.timedelta64(0, "s"):
            raise ConfigError("The half_life of lead times is zero.", fix="Choose one above zero: 48h.")
        negative = [lead_time for lead_time, weight in (weights or {}).items() if not weight >= 0]
        if negative:
            raise ConfigError(f"The weight of {', '.join(negative)} is negative.", fix="Choose 0 or more.")
        self.chosen = {parse_duration(lead_time): weight for lead_time, weight in (weights or {}).items()}

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        if self.half_life is not None:
            found = [0.5 ** float(lead_time / self.half_life) for lead_time in lead_times]
        else:
            found = [self.chosen.get(lead_time, 1.0) for lead_time in lead_times]
        return torch.tensor(found, dtype=torch.float32)
