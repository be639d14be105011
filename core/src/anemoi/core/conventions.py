"""What attributes of the CF conventions say of the values of a variable, in NetCDF and in Zarr."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .errors import DataError

_GRIB: Final = {"accum": "sum", "avg": "mean", "max": "maximum", "min": "minimum", "instant": None}
"""The cell methods by the ``stepType`` that cfgrib writes of them."""

_METHODS: Final = re.compile(r"((?:[\w.]+\s*:\s*)+)(\w+)")
"""Names of dimensions, and the method along them: ``lat: lon: mean time: maximum``."""


def over_time(attributes: Mapping[str, Any], times: Collection[str] = ()) -> str | None:
    """Give the cell method along time: ``mean``, ``sum``, ``maximum``, ``minimum``, or any other word.

    Several methods, as those of a climatology, are given together: ``maximum, mean``.

    Parameters
    ----------
    attributes
        Those of the variable: ``cell_methods``, or else ``GRIB_stepType``.
    times
        What its coordinates of time are called, besides ``time``.

    Returns
    -------
    str or None
        None for values at one time.
    """
    said = re.sub(r"\([^)]*\)", " ", str(attributes.get("cell_methods", "")))
    names = {"time", *times}
    methods = [
        method.lower()
        for along, method in _METHODS.findall(said)
        if names & set(re.split(r"[\s:]+", along.strip()))
    ]
    if methods:
        return None if methods == ["point"] else ", ".join(methods)
    step_type = str(attributes.get("GRIB_stepType", "instant"))
    return _GRIB.get(step_type, step_type)


def valid(
    values: NDArray[np.float32], attributes: Mapping[str, Any], packing: Mapping[str, Any], what: str
) -> NDArray[np.float32]:
    """Make NaN of what lies outside ``valid_range``, or ``valid_min`` and ``valid_max``.

    Those are of the values as they are packed, unless they have the type of ``scale_factor`` (section 2.5.1
    of the CF conventions). xarray leaves them to its users.

    Parameters
    ----------
    values
        Of any shape, unpacked.
    attributes
        Those of the variable.
    packing
        How it is packed: ``dtype``, ``scale_factor``, ``add_offset`` and ``_Unsigned``, as far as it is.
    what
        What it is, for errors.

    Raises
    ------
    DataError
        If the range is not of numbers.
    """
    bounds = _range(attributes, what)
    if bounds == (None, None):
        return values
    scale, offset = packing.get("scale_factor", 1.0), packing.get("add_offset", 0.0)
    packed = np.dtype(packing.get("dtype", values.dtype))
    unsigned = str(packing.get("_Unsigned", "")).lower() == "true"
    inside = np.ones(values.shape, dtype=bool)
    with np.errstate(invalid="ignore"):
        for bound, sign in zip(bounds, (1, -1), strict=True):
            if bound is None:
                continue
            if packed.kind in "iu" and np.asarray(bound).dtype.kind in "iu":
                number = int(bound)
                if unsigned and number < 0:  # NetCDF 3 has no other way to say it.
                    number += 1 << 8 * packed.itemsize
                # Half a step beyond it, for unpacking rounds.
                limit, way = (number - sign * 0.5) * scale + offset, sign * np.sign(scale)
            else:
                limit, way = bound, sign
            inside &= way * values >= way * np.float32(limit)
    return np.where(inside, values, np.float32(np.nan))


def _range(attributes: Mapping[str, Any], what: str) -> tuple[Any, Any]:
    """The least and the largest valid value; None where there is none."""
    lengths = {"valid_range": 2, "valid_min": 1, "valid_max": 1}
    for name, length in lengths.items():
        said = np.asarray(attributes.get(name, [0] * length))
        if said.size != length or said.dtype.kind not in "iuf":
            raise DataError(
                f"{what} has the attribute {name} = {attributes[name]!r}, which is not "
                f"{'two numbers' if length == 2 else 'a number'}.",
                fix="Correct or remove it: ncatted, or xarray.",
            )
    if "valid_range" in attributes:
        lowest, highest = attributes["valid_range"]
        return lowest, highest
    return attributes.get("valid_min"), attributes.get("valid_max")
