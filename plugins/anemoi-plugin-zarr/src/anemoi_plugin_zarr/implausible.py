"""Values that no weather has: undeclared fill values, infinite ones, temperatures below absolute zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from anemoi.core.moments import Moments
from anemoi.core.times import format_date
from anemoi.core.units import same_unit
from numpy.typing import NDArray

FILLS: Final = frozenset(
    float(np.float32(sign * number))
    for sign in (1, -1)
    for number in (
        *(999.0, 9999.0, 99999.0, 999999.0, 999.9, 9999.9, 99.99e3, 9.999e20, 1e10, 1e15, 1e20, 1e30, 1e36),
        *(32766.0, 32767.0, 32768.0, 65535.0, 2147483647.0, 2147483648.0),
        *(9.969209968386869e36, 3.4028234663852886e38, 1e35),  # netCDF's and the largest float
    )
)
"""What software writes where there is no value."""

_FILLS: Final = np.array(sorted(FILLS), dtype=np.float32)

_APART: Final = 0.25
"""How far a fill value lies from all others, as a share of their range: data may end in 9999 as well."""


def implausible(
    values: NDArray[np.float32], lowest: float, highest: float, units: str | None
) -> Iterator[tuple[str, int]]:
    """Tell which values of one variable at one time cannot be, in words, and how many there are.

    The two extremes tell whether there are any, so that values that are right are not looked at.

    Parameters
    ----------
    values
        Of any shape.
    lowest, highest
        Their extremes, without NaNs.
    units
        Their units, if they are known.
    """
    left = values
    if lowest == -np.inf or highest == np.inf:
        infinite = np.isinf(left)
        if infinite.any():
            yield "are infinite", int(infinite.sum())
        left = left[~infinite & ~np.isnan(left)]
        lowest, highest = _extremes(left)
    if lowest in FILLS or highest in FILLS:
        filled = np.isin(left, _FILLS)
        others = left[~filled & ~np.isnan(left)]
        lowest, highest = _extremes(others)
        for fill, count in zip(*np.unique(left[filled], return_counts=True), strict=True):
            if not others.size or max(lowest - fill, fill - highest) > _APART * (highest - lowest):
                yield f"are {fill:g}, which looks like a fill value that was not declared", int(count)
                left = left[left != fill]
    if units is not None and lowest < 0 and same_unit(units, "K"):
        yield "are below 0 K", int((left < 0).sum())


def _extremes(values: NDArray[np.float32]) -> tuple[float, float]:
    return (float(values.min()), float(values.max())) if values.size else (np.nan, np.nan)


@dataclass
class _Found:
    count: int = 0
    dates: int = 0
    first: np.datetime64 = field(default_factory=lambda: np.datetime64("NaT"))


class PlausibilityReport:
    """What was found of all dates, by variable.

    Parameters
    ----------
    variables
        Their names.
    units
        Their units; None where they are not known.
    """

    def __init__(self, variables: Sequence[str], units: Sequence[str | None]) -> None:
        self._variables, self._units = tuple(variables), tuple(units)
        self._found: dict[tuple[str, str], _Found] = {}
        self._values = 0
        self._missing = np.zeros(len(self._variables), dtype=np.int64)

    def add(self, time: np.datetime64, state: NDArray[np.float32], moments: Moments) -> None:
        """Look at the state of a date, ``(variable, ...)``, whose moments are known."""
        self._values += state[0].size
        self._missing += state[0].size - moments.count.astype(np.int64)
        for place, (name, units) in enumerate(zip(self._variables, self._units, strict=True)):
            for what, count in implausible(
                state[place], float(moments.minimum[place]), float(moments.maximum[place]), units
            ):
                found = self._found.setdefault((name, what), _Found(first=time))
                found.count += count
                found.dates += 1

    def faults(self) -> list[str]:
        """What cannot be, a sentence for each variable and kind."""
        return [
            f"{name}: {found.count:,} of {self._values:,} values {what}, first at {format_date(found.first)}"
            for (name, what), found in self._found.items()
        ]

    @property
    def missing(self) -> dict[str, float]:
        """The share of values that are NaN, of the variables that have any."""
        shares = self._missing / max(self._values, 1)
        return {name: float(share) for name, share in zip(self._variables, shares, strict=True) if share > 0}


def shares(missing: Mapping[str, float]) -> str:
    """Write shares of missing values in words."""
    return ", ".join(f"{name} {share:.2%}" for name, share in missing.items())
