"""Errors in units of the typical change of a variable over one step of the data."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class TendencyVarianceScaler(Scaler):
    """Divides by the variance of the change of each prognostic variable: for squared errors.

    The errors of a variable that changes little from one state to the next, such as soil temperature, are
    small beside its spread; beside its change they count as much as those of any other. A loss of one is then
    about that of forecasting no change (Lam et al., "GraphCast", 2023). A diagnostic variable counts by its
    spread: weight one.

    Raises
    ------
    ConfigError
        If a prognostic variable never changes.
    """

    axes: tuple[Axis, ...] = ("variable",)
    power: ClassVar[int] = 2

    def __init__(self, *, domain: Domain, steps: Steps) -> None:
        stdevs = dict(zip(domain.names, domain.changes.stdev, strict=True))
        still = [name for name in domain.prognostic if not stdevs[name] > 0]
        if still:
            raise ConfigError(
                f"{', '.join(still)} never changes in the training period, so its errors have no scale.",
                fix="Make it a forcing, or leave it out: variables.forcing.",
            )
        prognostic = frozenset(domain.prognostic)
        self.stdevs = np.array([stdevs[name] if name in prognostic else 1.0 for name in domain.outputs])

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        return torch.from_numpy(self.stdevs**-self.power).float()


class TendencyStdevScaler(TendencyVarianceScaler):
    """Divides by the standard deviation of the change of each prognostic variable: for absolute errors.

    Otherwise as :class:`TendencyVarianceScaler`.
    """

    power: ClassVar[int] = 1
