"""The attribute ``variables_metadata`` of the layout: what it says of a variable, read and written.

anemoi-datasets writes ``units``, ``computed_forcing``, ``constant_in_time``, a ``process`` over a
``period`` from one lead time to another (``["0h", "6h"]``; hours where they are bare numbers), and under
``mars`` what the field was called in that archive. Older data sets say ``accumulated: true``. ``level`` and
``level_type`` beside ``mars``, and ``role`` where it follows from nothing else, are written here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import numpy as np
from anemoi.core.times import format_duration, parse_duration
from anemoi.core.variable import Role, Variable

LEVEL_TYPES: Final = {
    "sfc": "surface",
    "pl": "pressure",
    "ml": "model",
    "hl": "height",
    "pt": "theta",
    "pv": "pv",
    "sol": "soil",
    "dp": "depth",
}
"""The types of levels by what MARS calls them (``levtype``)."""

_STATISTICS: Final = {
    "accumulation": "accumulated",
    "average": "averaged",
    "maximum": "maximum_over",
    "minimum": "minimum_over",
}
"""The fields of :class:`~anemoi.core.variable.Variable` by what data sets call the process."""

_PROCESSES: Final = {field: process for process, field in _STATISTICS.items()}

_MARS: Final = {word: levtype for levtype, word in LEVEL_TYPES.items()}


def read_variable(name: str, said: Mapping[str, Any], *, constant: bool, may_be_missing: bool) -> Variable:
    """Read what a data set says of a variable.

    Parameters
    ----------
    name
        Its name.
    said
        Its entry in ``variables_metadata``.
    constant, may_be_missing
        What other attributes say of it.

    Raises
    ------
    AnemoiError, AttributeError, TypeError, ValueError
        If the entry is malformed.
    """
    mars: Mapping[str, Any] = said.get("mars") or {}
    units = said["units"] if "units" in said else mars.get("units")
    computed = said.get("computed_forcing") is True
    constant = constant or said.get("constant_in_time") is True or said.get("is_constant_in_time") is True
    process, period = _process(said)
    over = {} if period is None or process not in _STATISTICS else {_STATISTICS[process]: period}
    role = Role.FORCING if computed or constant else Role.DIAGNOSTIC if process else Role.PROGNOSTIC
    level_type = said.get("level_type", mars.get("levtype"))
    level_type = None if level_type is None else LEVEL_TYPES.get(str(level_type), str(level_type))
    return Variable(
        name,
        role=Role(said.get("role", role)),
        units=None if units is None else str(units),
        level=_level(said.get("level", mars.get("levelist", mars.get("level"))), level_type),
        level_type=level_type,
        constant=constant,
        computed=computed,
        may_be_missing=may_be_missing and not computed,
        since_start=said.get("since_start") is True,
        **over,
    )


def write_variable(variable: Variable) -> dict[str, Any]:
    """Say of a variable what :func:`read_variable` and anemoi-datasets read."""
    said: dict[str, Any] = {}
    if variable.units is not None:
        said["units"] = variable.units
    if variable.computed:
        said["computed_forcing"] = True
    if variable.constant:
        said["constant_in_time"] = True
    elif variable.computed:
        said["constant_in_time"] = False
    if variable.statistic is not None:
        name, period = variable.statistic
        said["process"] = _PROCESSES[name]
        said["period"] = ["0h", format_duration(period)]
    if variable.since_start:  # over a period that grows, and which no two numbers say
        said["process"] = _PROCESSES["accumulated"]
        said["since_start"] = True
    if variable.level_type in _MARS:
        said["mars"] = {"levtype": _MARS[variable.level_type]}
        if variable.level is not None:
            said["mars"]["levelist"] = _number(variable.level)
    elif variable.level_type is not None:
        said["level_type"] = variable.level_type
    if variable.level is not None and "mars" not in said:
        said["level"] = _number(variable.level)
    if read_variable(variable.name, said, constant=False, may_be_missing=False).role is not variable.role:
        said["role"] = variable.role.value
    return said


def _process(said: Mapping[str, Any]) -> tuple[str | None, np.timedelta64 | None]:
    """What is done to the values of some time to make one, and how long that is, where it is known."""
    if said.get("process") is None:
        return ("accumulation" if said.get("accumulated") is True else None), None
    period = said.get("period")
    if not isinstance(period, list) or len(period) != 2:
        return str(said["process"]), None
    start, end = (
        parse_duration(f"{lead_time}h" if isinstance(lead_time, int) else lead_time) for lead_time in period
    )
    return str(said["process"]), end - start if end > start else None


def _level(level: Any, level_type: str | None) -> float | None:
    if level is None or isinstance(level, list):
        return None
    number = float(level)
    # The surface is no level, whatever number stands for it.
    return number if isfinite(number) and level_type != "surface" else None


def _number(level: float) -> float | int:
    return int(level) if level == int(level) else level
