"""The postprocessor ``ensemble``: what the members say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from anemoi.core.variable import Variable, level_name, placed
from numpy.typing import NDArray

from .names import columns_of
from .wind import DEGREES

SPREAD: Final = "_spread"
"""What the name of a parameter ends in if it is a spread."""

Fields = NDArray[np.float32]


@dataclass(frozen=True)
class _Statistic:
    """One variable of what is left.

    Parameters
    ----------
    about
        What is known of it.
    column
        The variable that it is of.
    of
        What makes it of members, ``(members, grid)`` float64 to ``(grid,)``.
    """

    about: Variable
    column: int
    of: Callable[[NDArray[np.float64]], Any]


class Ensemble(PostProcessor):
    """Leaves statistics of the members in place of the members: one field for each.

    The mean keeps the name of its variable. Others are named after it: ``t_spread_850``, ``t_q10_850``,
    ``tp_above0p001``. Where one member is missing, all statistics are.

    Parameters
    ----------
    forecast
        What is to come.
    mean
        Whether to leave the mean.
    spread
        Whether to leave the standard deviation about the mean, of a sample (divided by the members less one).
    quantiles
        Which quantiles to leave, from 0 to 1, interpolated linearly between members.
    above, below
        The thresholds of variables, in their units, that members are above or below of: what is left is which
        part of the members is, from 0 to 1. By the names of variables, or that of a parameter on all levels.

    Raises
    ------
    ConfigError
        If nothing is asked for, a quantile is not within 0 and 1, or the forecast does not have a variable.
    DataError
        If there is one member alone, or a mean, a spread or a quantile of a direction is asked for.
    """

    remembers = False

    def __init__(
        self,
        *,
        forecast: ForecastDescription,
        mean: bool = True,
        spread: bool = False,
        quantiles: list[float] | None = None,
        above: Mapping[str, list[float]] | None = None,
        below: Mapping[str, list[float]] | None = None,
    ) -> None:
        super().__init__(forecast=forecast)
        if forecast.members < 2:
            raise DataError(
                "Statistics of members need two at least, but the forecast has one.",
                fix="Make more: --members 10.",
            )
        if wrong := [quantile for quantile in quantiles or () if not 0 <= quantile <= 1]:
            raise ConfigError(f"The quantiles {wrong} are not within 0 and 1.", fix="Write 0.9 for 90 %.")
        about = [forecast.about(name) for name in forecast.variables]
        self._statistics: list[_Statistic] = []
        for column, each in enumerate(about):
            self._statistics += _of_values(each, column, mean, spread, quantiles or [])
        turning = [each.about.name for each in self._statistics if about[each.column].units == DEGREES]
        if turning:
            raise DataError(
                f"{', '.join(turning)} would be of directions, of which numbers have no mean.",
                fix="Leave directions out first ({name: select, ...}), or take wind after this step.",
            )
        for option, limits, compare in (("above", above, np.greater), ("below", below, np.less)):
            for name, thresholds in (limits or {}).items():
                for column in columns_of(forecast, name, option):
                    self._statistics += _chances(about[column], column, option, thresholds, compare)
        if not self._statistics:
            raise ConfigError(
                "No statistic of the members is asked for.",
                fix="Choose: mean, spread, quantiles, above, below.",
            )
        self._after = forecast.with_variables([each.about for each in self._statistics], members=1)
        if len(self._after.variables) < len(self._statistics):
            raise ConfigError(
                "A statistic is asked for twice.", fix="Write each quantile and threshold once."
            )

    @property
    def after(self) -> ForecastDescription:
        """One member, of statistics."""
        return self._after

    def apply(self, state: State) -> Fields:
        """Compute the statistics of the next state, in double precision."""
        made = np.empty((1, state.fields.shape[1], len(self._statistics)), dtype=np.float32)
        for number, statistic in enumerate(self._statistics):
            made[0, :, number] = statistic.of(state.fields[..., statistic.column].astype(np.float64))
        return made


def _of_values(
    variable: Variable, column: int, mean: bool, spread: bool, quantiles: list[float]
) -> Iterator[_Statistic]:
    """Statistics in the units of the variable."""
    if mean:
        yield _Statistic(variable, column, lambda members: members.mean(axis=0))
    if spread:
        yield _Statistic(_named(variable, SPREAD), column, lambda members: members.std(axis=0, ddof=1))
    for quantile in quantiles:

        def of(members: NDArray[np.float64], quantile: float = quantile) -> Any:
            return np.quantile(members, quantile, axis=0)

        yield _Statistic(_named(variable, f"_q{_digits(100 * quantile)}"), column, of)


def _chances(
    variable: Variable, column: int, word: str, thresholds: list[float], compare: Callable[..., Any]
) -> Iterator[_Statistic]:
    """Which part of the members is beyond each threshold."""
    plain = replace(variable.instantaneous(), units="1")
    for threshold in thresholds:

        def of(members: NDArray[np.float64], threshold: float = threshold) -> Any:
            # As float32 has it, which the members are: else 0.1 would be above 0.1.
            part = compare(members, np.float64(np.float32(threshold))).mean(axis=0)
            return np.where(np.isnan(members).any(axis=0), np.nan, part)

        yield _Statistic(_named(plain, f"_{word}{_digits(threshold)}"), column, of)


def _named(variable: Variable, suffix: str) -> Variable:
    """The variable with a suffix to its parameter, in front of the level if that is in its name."""
    at = placed(variable)
    if at.level is None or at.short_name == variable.name:
        return replace(variable, name=f"{variable.name}{suffix}")
    return replace(variable, name=level_name(f"{at.short_name}{suffix}", at.level, at.level_type))


def _digits(number: float) -> str:
    """A number in a name: letters, digits and underscores are all that every format takes."""
    return f"{number:g}".replace("-", "m").replace(".", "p").replace("+", "")
