"""Values of order one: what a network is given and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..domain import Domain, Statistics
from ..errors import ConfigError
from ..interfaces.transform import Transform
from ._after import domain_after
from ._choice import assigned
from ._columns import Columns

Method = Literal["mean-std", "std", "max", "min-max", "none"]


class Normaliser(Transform):
    """Shifts and scales each variable by its statistics over the training period.

    In AIFS (Lang et al., "AIFS -- ECMWF's data-driven forecasting system", arXiv:2406.01465, 2024) most
    variables have zero mean and unit variance, and some forcings, like orography, are scaled by their
    extremes. ``std`` and ``max`` keep zero where it is, which suits precipitation and what is never negative.

    ========  ==========================================
    mean-std  ``(x - mean) / stdev``
    std       ``x / stdev``
    max       ``x / |maximum|``
    min-max   ``(x - minimum) / (maximum - minimum)``
    none      ``x``
    ========  ==========================================

    A variable that is the same at all times and places has no scale, and is not divided by it. Computed
    forcings, which are of order one by themselves, are not normalised unless an option chooses them.

    Parameters
    ----------
    domain
        The variables, with the statistics to normalise by.
    default
        The method for variables that no other option chooses.
    mean_std, std, max, min_max, none
        The variables that each method normalises, by name or pattern (``q_*``).

    Raises
    ------
    ConfigError
        If a pattern matches nothing, two methods contend for a variable, or its statistics are not known.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        domain: Domain,
        default: Method = "mean-std",
        mean_std: Sequence[str] = (),
        std: Sequence[str] = (),
        max: Sequence[str] = (),
        min_max: Sequence[str] = (),
        none: Sequence[str] = (),
    ) -> None:
        super().__init__(domain=domain)
        options = {"mean_std": mean_std, "std": std, "max": max, "min_max": min_max, "none": none}
        chosen = assigned(options, domain.names)
        shift, scale = np.zeros(len(domain.names)), np.ones(len(domain.names))
        touched = []
        for place, variable in enumerate(domain.variables):
            unnamed = "none" if variable.computed else default
            method = chosen[variable.name][0] if variable.name in chosen else unnamed
            if method == "none":
                continue
            touched.append(variable.name)
            shift[place], scale[place] = _affine(method.replace("_", "-"), domain.statistics[place])
            if not np.isfinite([shift[place], scale[place]]).all():
                raise ConfigError(
                    f"{variable.name} cannot be normalised by {method}: its statistics are not known.",
                    fix=f"Leave it as it is: none: [{variable.name}]",
                )
        self._touched, self._columns = frozenset(touched), Columns()
        # Not part of the weights: the checkpoint keeps the domain, and they follow from it.
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32), persistent=False)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32), persistent=False)
        values, changes = domain.statistics, domain.changes
        self._after = domain_after(
            self,
            tuple(replace(each, units=None) if each.name in touched else each for each in domain.variables),
            Statistics(
                mean=(values.mean - shift) / scale,
                stdev=values.stdev / scale,
                minimum=(values.minimum - shift) / scale,
                maximum=(values.maximum - shift) / scale,
            ),
            Statistics(*(each / scale for each in vars(changes).values())),
        )

    @property
    def after(self) -> Domain:
        """The same variables, with statistics and changes in their new units."""
        return self._after

    @property
    def touches(self) -> frozenset[str]:
        """Those that are not left as they are."""
        return self._touched

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Normalise."""
        shift, scale = self._of(names)
        return (values - shift) / scale

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Bring normalised values back to their units."""
        shift, scale = self._of(names)
        return values * scale + shift

    def _of(self, names: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Shift and scale of some variables, ``(len(names),)`` each."""
        places = self.before.columns(tuple(names))
        return self._columns.take(self.shift, places), self._columns.take(self.scale, places)


def _affine(method: str, statistics: Statistics) -> tuple[float, float]:
    """What one variable is shifted and scaled by."""
    mean, stdev, minimum, maximum = (float(each) for each in vars(statistics).values())
    # Moments that are summed up leave a little rounding in the deviation of a constant; extremes do not.
    spread, extent = (stdev, maximum - minimum) if maximum != minimum else (0.0, 0.0)
    shift, scale = {
        "mean-std": (mean, spread),
        "std": (0.0, spread),
        "max": (0.0, abs(maximum)),
        "min-max": (minimum, extent),
    }[method]
    return shift, scale if np.float32(scale) != 0 else 1.0
