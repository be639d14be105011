"""The postprocessor ``accumulate``: sums since the start of a forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from anemoi.core.times import format_duration
from numpy.typing import NDArray

from .names import columns_of


class Accumulate(PostProcessor):
    """Adds up what is accumulated over each step, such as precipitation, since the start of the forecast.

    Sums are kept in double precision. What is missing once is missing in all sums after it.

    Parameters
    ----------
    forecast
        What is to come.
    variables
        What to add up; by default all that is known to be accumulated. One that is named may be of a period
        that is not known, and is then taken to be the sum over each step.

    Raises
    ------
    ConfigError
        If the forecast does not have one of them.
    DataError
        If nothing is accumulated, or one is a mean, an extreme, or the sum over another time than a step.
    """

    def __init__(self, *, forecast: ForecastDescription, variables: list[str] | None = None) -> None:
        super().__init__(forecast=forecast)
        about = [forecast.about(name) for name in forecast.variables]
        if variables is None:
            columns = [column for column, each in enumerate(about) if each.accumulated is not None]
        else:
            columns = [column for name in variables for column in columns_of(forecast, name, "variables")]
        if not columns:
            raise DataError(
                f"Nothing is known to be accumulated among {', '.join(forecast.variables)}.",
                fix="Name what is: --postprocess '{name: accumulate, variables: [tp]}'.",
            )
        steps = np.unique(np.diff(forecast.lead_times, prepend=np.timedelta64(0, "s")))
        for column in columns:
            each = about[column]
            if each.since_start:
                raise DataError(f"{each.name} is accumulated since the start already.")
            if each.statistic is not None and each.accumulated is None:
                kind, _ = each.statistic
                raise DataError(
                    f"{each.name} is {kind}, so it cannot be added up.", fix="Leave it out of variables."
                )
            if len(steps) > 1 or (each.accumulated is not None and steps[0] != each.accumulated):
                over = "an unknown time" if each.accumulated is None else format_duration(each.accumulated)
                raise DataError(
                    f"{each.name} is the sum over {over}, but the states of the forecast are "
                    f"{' and '.join(map(format_duration, steps))} apart: sums would have gaps.",
                    fix="Leave it out of variables.",
                )
            about[column] = replace(each, accumulated=None, since_start=True)
        self._columns = list(dict.fromkeys(columns))
        self._after = forecast.with_variables(about)
        self._sum: NDArray[np.float64] | float = 0.0

    @property
    def after(self) -> ForecastDescription:
        """The same variables, which are sums since the start."""
        return self._after

    def apply(self, state: State) -> NDArray[np.float32]:
        """Add the next state."""
        self._sum = self._sum + state.fields[..., self._columns].astype(np.float64)
        fields = state.fields.copy()
        fields[..., self._columns] = self._sum
        return fields
