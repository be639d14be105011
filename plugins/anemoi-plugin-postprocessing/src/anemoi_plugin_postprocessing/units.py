"""The postprocessor ``units``: the same in other units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from anemoi.core.units import conversion, in_si
from numpy.typing import NDArray

from .ensemble import SPREAD
from .names import by_column, places
from .pint_units import pint_unit


class Units(PostProcessor):
    """Converts variables to other units: hPa and Pa, degF and K, m and kg m-2 of water, and their like.

    Units are written as data and CF conventions do, ``kg m**-2 s**-1``, ``m s-1``, ``mile/h``, of names that
    core or pint knows.

    Parameters
    ----------
    forecast
        What is to come.
    to
        The units that variables shall have, by their names, or by that of a parameter on all its levels:
        ``{"t": "degC", "msl": "hPa"}``.

    Raises
    ------
    ConfigError
        If none is given, or the forecast does not have a variable.
    DataError
        If units are not known, or cannot be converted.
    """

    remembers = False

    def __init__(self, *, forecast: ForecastDescription, to: Mapping[str, str] | None = None) -> None:
        super().__init__(forecast=forecast)
        if not to:
            raise ConfigError("There are no units to convert to.", fix="{name: units, to: {t: degC}}")
        about = [forecast.about(name) for name in forecast.variables]
        self._factors, self._offsets = np.ones((2, len(about)), dtype=np.float64)
        self._offsets -= 1.0
        faults = []
        for column, units in by_column(forecast, to, "to").items():
            each = about[column]
            if each.units is None:
                faults.append(f"the units of {each.name} are not known")
                continue
            how = conversion(each.name, each.units, units, more=pint_unit)
            if how is None:
                faults.append(f"{each.name} is in {each.units}, {_why_not(each.units, units)}")
            elif how.offset and places(forecast)[column].short_name.endswith(SPREAD):
                faults.append(f"{each.name} is a difference, and {each.units} and {units} have other zeros")
            else:
                self._factors[column], self._offsets[column] = how.factor, how.offset
                about[column] = replace(each, units=units)
        if faults:
            raise DataError(f"Units cannot be converted: {'; '.join(faults)}.", fix="Choose others.")
        self._after = forecast.with_variables(about)

    @property
    def after(self) -> ForecastDescription:
        """The same variables in their new units."""
        return self._after

    def apply(self, state: State) -> NDArray[np.float32]:
        """Convert the next state, in double precision."""
        return (state.fields * self._factors + self._offsets).astype(np.float32)


def _why_not(ours: str, theirs: str) -> str:
    """What keeps one unit from being converted to another."""
    if in_si(ours, more=pint_unit) is None:
        return "which is no unit that is known"
    if in_si(theirs, more=pint_unit) is None:
        return f"and {theirs} is no unit that is known"
    return f"which does not convert to {theirs}"
