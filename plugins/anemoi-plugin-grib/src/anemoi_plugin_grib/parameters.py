"""What GRIB calls a variable, where it has it, and in which units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import eccodes
import numpy as np
from anemoi.core.units import Conversion, conversion
from anemoi.core.variable import PRESSURE_LEVELS, Placed, Variable, placed

from .messages import Key, set_keys

METRES: Final = frozenset({"tp", "cp", "lsp", "sf", "csf", "lsf", "sd", "ro", "sro", "ssro"})
"""Depths of water, which data sets have in m, as ECMWF archived them, and GRIB 2 in kg m**-2."""

FRACTIONS: Final = frozenset({"tcc", "lcc", "mcc", "hcc"})
"""Covers, which data sets have as fractions, and GRIB 2 in per cent."""

_TYPES: Final = {
    "pressure": "isobaricInhPa",
    "model": "hybrid",
    "height": "heightAboveGround",
    "soil": "soilLayer",
    "depth": "depthBelowSea",
    "pv": "potentialVorticity",
    "theta": "theta",
    "sigma": "sigma",
}
"""What ecCodes calls the types of levels; those that it has no other word for are called so already."""

_PROCESSES: Final = {"accumulated": "accum", "averaged": "avg", "maximum_over": "max", "minimum_over": "min"}


@dataclass(frozen=True)
class Parameter:
    """How a variable is encoded.

    Parameters
    ----------
    keys
        Those of the message, in the order in which they are set.
    units
        How its values are converted to those of GRIB.
    over
        The time that it is the sum, the mean or an extreme of; zero for one that is not known, None for none.
    since_start
        Whether that time begins with the forecast instead, and so grows.
    """

    keys: Mapping[str, Key]
    units: Conversion
    over: np.timedelta64 | None
    since_start: bool = False


def parameter(handle: int, variable: Variable, name: str | None, members: int) -> Parameter:
    """Find how a variable is encoded; units that are not known are those that data sets have it in.

    Parameters
    ----------
    handle
        An empty message from the centre, which may have parameters of its own; it becomes one of this.
    variable
        What is known of it.
    name
        What it is called in GRIB, if not as here: ``2t``, ``t_model_137``, or the number of a parameter.
    members
        How many ensemble members there are.

    Raises
    ------
    ValueError
        If there is no such parameter, or it is not in such units: what is said goes behind the name.
    """
    at = _place(variable, name)
    process = None if variable.statistic is None else _PROCESSES[variable.statistic[0]]
    if variable.since_start:
        process = "accum"
    named: dict[str, Key] = (
        {"paramId": int(at.short_name)} if at.short_name.isdigit() else {"shortName": at.short_name}
    )
    keys = {**_level(at), **named}
    try:
        kind = _step_type(handle, keys)
        said = {"stepType": process} if process not in (None, kind) else {}
        if kind == "instant" and not said:
            template = {"productDefinitionTemplateNumber": 1} if members > 1 else {}
        else:
            template = {"productDefinitionTemplateNumber": 11 if members > 1 else 8}
        keys = {**template, **keys, **said}
        set_keys(handle, keys)
    except eccodes.CodesInternalError:
        raise ValueError(_unknown(at, variable)) from None
    kind = eccodes.codes_get(handle, "stepType")
    found = str(eccodes.codes_get(handle, next(iter(named))))
    # The mean of a parameter is a parameter of its own.
    if found not in (at.short_name, f"{kind}_{at.short_name}") or not _is_at(handle, at):
        raise ValueError(_unknown(at, variable))
    if process not in (None, kind):
        raise ValueError(f"is {process} over some time, but {at.short_name} in GRIB is {kind}")
    unknown = None if kind == "instant" else np.timedelta64(0, "s")
    over = unknown if variable.statistic is None else variable.statistic[1]
    if variable.since_start:
        over = None
    theirs = eccodes.codes_get(handle, "units")
    units = variable.units
    if units is None:
        units = "m" if at.short_name in METRES else "1" if at.short_name in FRACTIONS else theirs
    how = conversion(at.short_name, units, theirs)
    if how is None:
        raise ValueError(f"is in {units}, but GRIB has it in {theirs}")
    return Parameter(keys, how, over, variable.since_start)


def _step_type(handle: int, keys: Mapping[str, Key]) -> str:
    """What of some time a parameter is, as a message of it says."""
    tried = eccodes.codes_clone(handle)
    try:
        set_keys(tried, keys)
        kind: str = eccodes.codes_get(tried, "stepType")
    finally:
        eccodes.codes_release(tried)
    return kind


def _place(variable: Variable, name: str | None) -> Placed:
    """The parameter and the level, of which a name may say more than the data."""
    if name is not None:
        said, known = placed(name), placed(variable)
        return Placed(
            said.short_name,
            known.level if said.level is None else said.level,
            said.level_type or ("pressure" if said.level is not None else known.level_type),
        )
    at = placed(variable)
    if at.level_type is None and at.level is not None:
        if at.level not in PRESSURE_LEVELS:
            raise ValueError(
                "may be on pressure, or on a level of any other type: say which, as "
                f"names={{{variable.name}: {at.short_name}_model_{at.level:g}}}"
            )
        return Placed(at.short_name, at.level, "pressure")
    return at


def _level(at: Placed) -> dict[str, Key]:
    """The keys of a level; none for what has none, or whose name says all."""
    if at.level is None or at.level_type in (None, "surface"):
        return {}
    kind = _TYPES.get(at.level_type or "", at.level_type)
    if kind == "isobaricInhPa" and at.level < 1:
        return {"typeOfLevel": "isobaricInPa", "level": at.level * 100}
    if at.level != round(at.level):
        digits = max(0, len(f"{at.level:.9f}".rstrip("0").partition(".")[2]))
        return {
            "typeOfLevel": kind,
            "scaleFactorOfFirstFixedSurface": digits,
            "scaledValueOfFirstFixedSurface": round(at.level * 10**digits),
        }
    return {"typeOfLevel": kind, "level": int(at.level)}


def _is_at(handle: int, at: Placed) -> bool:
    """Whether a message is of a level as it should be."""
    if not (keys := _level(at)):
        return True
    kind, level = eccodes.codes_get(handle, "typeOfLevel"), eccodes.codes_get(handle, "level", float)
    wanted: Any = keys.get("level", at.level)
    return kind == keys["typeOfLevel"] and bool(np.isclose(level, wanted))


def _unknown(at: Placed, variable: Variable) -> str:
    where = f" on {at.level_type} {at.level:g}" if at.level is not None and at.level_type else ""
    what = "" if at.short_name == variable.name else f" ({at.short_name}{where})"
    return f"is no parameter of this centre{what}"
