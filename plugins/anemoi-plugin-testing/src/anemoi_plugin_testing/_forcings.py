"""The checks of computed forcings: that they follow from place and time, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
from anemoi.core.interfaces.forcing import Forcing
from numpy.typing import NDArray

from ._check import Check, Subject, contract, require
from ._graphs import regular_grid, spread_grid
from ._options import from_configuration, options_are_declared, require_built

RUNS = ("has_its_shape",)
SEEDED = (*RUNS, "is_finite_everywhere", "is_the_same_every_time")
CLOSE = 1e-6
"""How far values of order one may be apart that differ in rounding alone."""

Array = NDArray[np.floating]
Degrees = NDArray[np.float64]
Times = NDArray[np.datetime64]


def _times() -> Times:
    """Times of day and of year, in a leap year, in two that are none, and about the ends of years."""
    dates = (
        "1900-02-28T23", "1900-03-01T00", "1940-01-01T00", "1969-12-31T23:59:59", "2000-02-29T12",
        "2020-02-29T06", "2020-06-21T12", "2020-12-31T18", "2021-01-01T00", "2023-03-20T21:24",
        "2100-02-28T15", "2100-12-31T23:59:59",
    )  # fmt: skip
    return np.array(dates, dtype="datetime64[s]")


def _place() -> tuple[Degrees, Degrees]:
    """Points all over the globe, and rows of them with both poles and the date line."""
    grids = (spread_grid(40), regular_grid(7, 8))
    latitudes, longitudes = (
        np.concatenate([getattr(grid, which) for grid in grids]) for which in ("latitudes", "longitudes")
    )
    return np.append(latitudes, [0.0, 45.0]), np.append(longitudes, [180.0, -180.0])


def _compute(
    subject: Subject, latitudes: Degrees | None = None, longitudes: Degrees | None = None, times: Any = None
) -> Array:
    """The field, one row for each time even if it is constant."""
    here, there = _place()
    at = _times() if times is None else times
    latitudes = here if latitudes is None else latitudes
    longitudes = there if longitudes is None else longitudes
    found: Array = subject.build().compute(latitudes, longitudes, at)
    return np.broadcast_to(found, (len(at), len(latitudes)))


def _apart(one: Array, other: Array) -> float:
    return float(np.abs(one.astype(np.float64) - other).max())


@contract()
def builds(subject: Subject) -> None:
    """It is built from its options alone, and computes an array of floating-point numbers."""
    found = require_built(subject).compute(*_place(), _times())
    require(isinstance(found, np.ndarray), f"it computes a {type(found).__name__}")
    require(np.issubdtype(found.dtype, np.floating), f"it computes {found.dtype}")


@contract(after=("builds",))
def has_its_shape(subject: Subject) -> None:
    """It computes ``(time, grid)``, or ``(1, grid)`` if it is constant, of one time and of one point too."""
    latitudes, longitudes = _place()
    for points, times in ((len(latitudes), 12), (1, 12), (len(latitudes), 1), (1, 1)):
        found = subject.build().compute(latitudes[:points], longitudes[:points], _times()[:times])
        expected = (1 if subject.component.constant else times, points)
        require(found.shape == expected, f"{found.shape} comes out instead of {expected}")


@contract(after=RUNS)
def is_finite_everywhere(subject: Subject) -> None:
    """It is finite at the poles and on the date line, at all times of day and year, in leap years too."""
    found = _compute(subject)
    if np.isfinite(found).all():
        return
    time, point = np.argwhere(~np.isfinite(found))[0]
    latitudes, longitudes = _place()
    where = f"{latitudes[point]:g} degrees north and {longitudes[point]:g} east at {_times()[time]}"
    require(False, f"it is {found[time, point]} at {where}")


@contract(after=(*RUNS, "is_finite_everywhere"))
def is_of_order_one(subject: Subject) -> None:
    """It lies within [-2, 2], for it is not normalised, and is not zero everywhere."""
    found = _compute(subject)
    require(np.abs(found).max() <= 2.0, f"it lies between {found.min():.3g} and {found.max():.3g}")
    require(found.any(), "it is zero at all times and places")


@contract(after=RUNS)
def is_the_same_every_time(subject: Subject) -> None:
    """The same times and places give the same bits, whatever was computed before and by whichever of two."""
    forcing: Forcing = subject.build()
    first = np.array(forcing.compute(*_place(), _times()))
    forcing.compute(np.array([10.0, 20.0]), np.array([30.0, 40.0]), _times()[:3])
    # Other points, but as many.
    forcing.compute(-0.5 * _place()[0], _place()[1], _times()[::-1])
    for what, other in (("a second time", forcing), ("built anew", subject.build())):
        same = np.array_equal(other.compute(*_place(), _times()), first, equal_nan=True)
        require(same, f"{what} it gives something else")


@contract(after=SEEDED)
def turns_around_the_globe(subject: Subject) -> None:
    """Longitudes may begin anywhere: 360 degrees more or less, or from -180 on, give the same."""
    latitudes, longitudes = _place()
    first = _compute(subject)
    for other in (longitudes + 360.0, longitudes - 360.0, (longitudes + 180.0) % 360.0 - 180.0):
        difference = _apart(_compute(subject, latitudes, other), first)
        require(difference < CLOSE, f"from {other.min():g} on it is {difference:.2g} off")


@contract(after=(*SEEDED, "is_constant_if_it_says_so"))
def takes_times_in_any_order(subject: Subject) -> None:
    """Each time gives the same alone, in another order and twice."""
    first, times = _compute(subject), _times()
    order = np.array([5, 0, 11, 5, 2])
    difference = _apart(_compute(subject, times=times[order]), first[order])
    require(difference < CLOSE, f"in another order it is {difference:.2g} off")
    for number in range(len(times)):
        difference = _apart(_compute(subject, times=times[number : number + 1]), first[number : number + 1])
        require(difference < CLOSE, f"{times[number]} alone is {difference:.2g} off")


@contract(after=SEEDED)
def takes_places_in_any_order(subject: Subject) -> None:
    """Each point gives the same among others, in another order and with few of them."""
    latitudes, longitudes = _place()
    first = _compute(subject)
    for some in (np.arange(len(latitudes))[::-1], np.arange(0, len(latitudes), 7), np.array([3])):
        difference = _apart(_compute(subject, latitudes[some], longitudes[some]), first[:, some])
        require(difference < CLOSE, f"among {len(some)} points it is {difference:.2g} off")


@contract(after=SEEDED)
def is_constant_if_it_says_so(subject: Subject) -> None:
    """Where it declares that it is constant, it is the same at any time; where not, it changes."""
    if subject.component.constant:
        alone = [_compute(subject, times=_times()[number : number + 1]) for number in range(len(_times()))]
        change = max(_apart(one, alone[0]) for one in alone)
        require(change < CLOSE, f"it is constant, but changes by {change:.2g}")
    else:
        change = float(np.ptp(_compute(subject), axis=0).max())
        require(change > CLOSE, "it is the same at all times, but does not say `constant = True`")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """Places and times are the same after as before, and may be such as cannot be written to."""
    given = (*_place(), _times())
    subject.build().compute(*given)
    for name, one, before in zip(
        ("latitudes", "longitudes", "times"), given, (*_place(), _times()), strict=True
    ):
        require(np.array_equal(one, before), f"it writes to {name}")
        one.flags.writeable = False
    subject.build().compute(*given)


@contract(after=SEEDED)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    same = np.array_equal(_compute(subject), _compute(written), equal_nan=True)
    require(same, "with its defaults written out it gives something else")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "forcing": (
        options_are_declared,
        builds,
        has_its_shape,
        is_finite_everywhere,
        is_of_order_one,
        is_the_same_every_time,
        turns_around_the_globe,
        takes_times_in_any_order,
        takes_places_in_any_order,
        is_constant_if_it_says_so,
        leaves_its_input_alone,
        options_survive_a_configuration,
    )
}
