"""Weights by pressure level."""

from __future__ import annotations

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.steps import Steps
from torch import Tensor

from ..interfaces.scaler import Axis, Scaler


class LevelScaler(Scaler):
    """Each variable on a pressure level counts by its pressure, down to a minimum; mean one over outputs.

    So a level counts about by the mass of air around it (Lam et al., "GraphCast", 2023), and those of the
    stratosphere are not forgotten (Lang et al., "AIFS", arXiv:2406.01465, 2024). A variable on no pressure
    level counts as one at ``reference``.

    Parameters
    ----------
    domain, steps
        As for every :class:`.Scaler`.
    reference
        The level of weight one (hPa), before all are divided by their mean.
    minimum
        The least weight, of levels above ``minimum * reference``.

    Raises
    ------
    ConfigError
        If ``reference`` is not above zero, or ``minimum`` is negative.
    """

    axes: tuple[Axis, ...] = ("variable",)

    def __init__(
        self, *, domain: Domain, steps: Steps, reference: float = 1000.0, minimum: float = 0.2
    ) -> None:
        if not (reference > 0 and minimum >= 0):
            raise ConfigError(
                f"Levels cannot have a reference of {reference:g} hPa and a minimum weight of {minimum:g}.",
                fix="Choose a reference above 0 hPa and a minimum of 0 or more.",
            )
        found = np.ones(len(domain.outputs))
        for place, variable in enumerate(domain[name] for name in domain.outputs):
            if variable.level is not None and variable.level_type == "pressure":
                found[place] = max(minimum, variable.level / reference)
        self.found = found / found.mean()

    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """See :meth:`.Scaler.weights`."""
        return torch.from_numpy(self.found).float()
