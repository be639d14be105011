"""The perturbation ``lagged``: forecasts that began earlier."""

from __future__ import annotations

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Analysis, Perturbation
from anemoi.core.steps import Offset
from anemoi.core.times import format_duration, parse_duration
from torch import Tensor


class Lagged(Perturbation):
    """Begins member ``k`` with the forecast for the start that began ``k`` lags earlier.

    So members differ as forecasts do, and resemble the atmosphere; the older a forecast, the worse it is
    (Hoffman and Kalnay, "Lagged average forecasting, an alternative to Monte Carlo forecasting", 1983).

    Parameters
    ----------
    lag
        The time between the dates of two members, ``12h``; one step of the model if None.

    Raises
    ------
    ConfigError
        If it is no duration above zero.
    """

    def __init__(self, *, lag: str | None = None) -> None:
        self._lag = None if lag is None else parse_duration(lag)

    def starts(self, step: Offset, members: int) -> tuple[Offset, ...]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.starts`.

        Raises
        ------
        ConfigError
            If the lag is no multiple of the step.
        """
        return tuple(-member * self._steps(step) * step for member in range(1, members))

    def perturbed(self, analysis: Analysis, member: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.perturbation.Perturbation.perturbed`."""
        count = member * self._steps(analysis.step)
        inputs = analysis.at(analysis.start - count * analysis.step)
        for number in range(count):
            inputs.add(number, analysis.model.advance(inputs.of(number), generator))
        return inputs.of(count)

    def _steps(self, step: Offset) -> int:
        """How many steps of the model the lag is."""
        lag = step if self._lag is None else self._lag
        if lag < step or lag % step:
            raise ConfigError(
                f"The lag {format_duration(lag)} is no multiple of the {format_duration(step)} of a step.",
                fix=f"Choose one: {format_duration(step)}.",
            )
        return int(lag // step)
