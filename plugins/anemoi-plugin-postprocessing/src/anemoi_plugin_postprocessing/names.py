"""Which variables of a forecast an option means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from anemoi.core.config.nearest import nearest
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import ForecastDescription
from anemoi.core.variable import Placed, placed

Value = TypeVar("Value")


def columns_of(forecast: ForecastDescription, name: str, option: str) -> list[int]:
    """Find the variables that a name means: that of it alone, or the parameter of it on all its levels.

    Parameters
    ----------
    forecast
        What is to come.
    name
        ``t_850``, or ``t`` for every temperature on levels.
    option
        What the user gave it as, for the message.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name in forecast.variables:
        return [forecast.variables.index(name)]
    found = [column for column, each in enumerate(places(forecast)) if each.short_name == name]
    if not found:
        known = {*forecast.variables, *(each.short_name for each in places(forecast))}
        raise ConfigError(f"The forecast has no {name} ({option}).", fix=nearest(name, known))
    return found


def by_column(forecast: ForecastDescription, values: Mapping[str, Value], option: str) -> dict[int, Value]:
    """Give the value of each variable that an option names; what is said of ``t_850`` overrules ``t``."""
    pairs = sorted(values.items(), key=lambda pair: pair[0] in forecast.variables)
    return {column: value for name, value in pairs for column in columns_of(forecast, name, option)}


def places(forecast: ForecastDescription) -> list[Placed]:
    """The parameter and the level of each variable."""
    return [placed(forecast.about(name)) for name in forecast.variables]
