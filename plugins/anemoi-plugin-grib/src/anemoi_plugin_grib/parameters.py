"""What GRIB calls the variables that Anemoi names as ECMWF does, and in which units it has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import eccodes
from anemoi.core.units import udunits
from anemoi.core.variable import split_level

from .messages import Key, set_keys

FACTORS: Final[Mapping[tuple[str, str], float]] = {
    ("m", "kg m-2"): 1000.0,  # water of 1000 kg m-3
    ("1", "%"): 100.0,
    ("gpm", "m"): 1.0,
    ("m", "gpm"): 1.0,
}
"""By how much to multiply what is in the first units, as UDUNITS spells them, to have it in the second."""

METRES: Final = frozenset({"tp", "cp", "lsp", "sf", "csf", "lsf", "sd", "ro", "sro", "ssro"})
"""Depths of water, which data sets have in m, as ECMWF archived them, and GRIB 2 in kg m**-2."""

FRACTIONS: Final = frozenset({"tcc", "lcc", "mcc", "hcc"})
"""Covers, which data sets have as fractions, and GRIB 2 in per cent."""


@dataclass(frozen=True)
class Parameter:
    """How a variable is encoded.

    Parameters
    ----------
    keys
        Those of the message, in the order in which they are set.
    factor
        What its values are multiplied by, to be in the units of GRIB.
    accumulated
        Whether it is over a period, rather than at a time.
    """

    keys: Mapping[str, Key]
    factor: float
    accumulated: bool


def parameter(handle: int, variable: str, units: str | None) -> Parameter:
    """Find how a variable is encoded; units that are not known are those that data sets have it in.

    Parameters
    ----------
    handle
        An empty message from the centre, which may have parameters of its own.
    variable
        The short name, and the pressure in hPa behind it where there is one: ``2t``, ``t_850``.
    units
        Those that its values are in.

    Raises
    ------
    ValueError
        If there is no such parameter, or it is not in such units: what is said goes behind the name.
    """
    short_name, level = split_level(variable)
    keys: dict[str, Key] = {"shortName": short_name}
    if level is not None:
        keys = {"typeOfLevel": "isobaricInhPa", "level": level, **keys}
    try:
        set_keys(handle, keys)
    except eccodes.CodesInternalError:
        raise ValueError("is no parameter of this centre") from None
    if eccodes.codes_get(handle, "shortName") != short_name:
        raise ValueError("is no parameter of this centre")
    theirs = eccodes.codes_get(handle, "units")
    if units is None:
        units = "m" if short_name in METRES else "1" if short_name in FRACTIONS else theirs
    factor = _factor(udunits(units), udunits(theirs))
    if factor is None:
        raise ValueError(f"is in {units}, but GRIB has it in {theirs}")
    return Parameter(keys, factor, eccodes.codes_get(handle, "stepType") != "instant")


def _factor(ours: str, theirs: str) -> float | None:
    return 1.0 if ours == theirs else FACTORS.get((ours, theirs))
