"""Inputs that need no data: they follow from the place and the time alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .errors import ConfigError

Array = NDArray[np.float64]


class Place:
    """Points, and the functions of where they are, each computed once.

    Parameters
    ----------
    latitudes, longitudes
        ``(grid,)``, in degrees.
    """

    def __init__(self, latitudes: Array, longitudes: Array) -> None:
        self.latitude, self.longitude = np.deg2rad(latitudes)[None, :], np.deg2rad(longitudes)[None, :]

    @cached_property
    def cos_latitude(self) -> Array:
        """``(1, grid)``."""
        return np.cos(self.latitude)

    @cached_property
    def sin_latitude(self) -> Array:
        """``(1, grid)``."""
        return np.sin(self.latitude)

    @cached_property
    def cos_longitude(self) -> Array:
        """``(1, grid)``."""
        return np.cos(self.longitude)

    @cached_property
    def sin_longitude(self) -> Array:
        """``(1, grid)``."""
        return np.sin(self.longitude)


class Forcings:
    """Forcings of one grid, at any time.

    Parameters
    ----------
    names
        Which, out of :data:`FORCINGS`.
    latitudes, longitudes
        ``(grid,)``, in degrees.

    Raises
    ------
    ConfigError
        If a name is not that of a forcing.
    """

    def __init__(self, names: Sequence[str], latitudes: Array, longitudes: Array) -> None:
        check(names)
        self._names, self._place, self._points = tuple(names), Place(latitudes, longitudes), len(latitudes)

    def at(self, times: NDArray[np.datetime64]) -> NDArray[np.float32]:
        """Compute them.

        Parameters
        ----------
        times
            ``(times,)`` datetime64, UTC.

        Returns
        -------
        NDArray
            ``(times, grid, names)`` float32, all of them dimensionless and of order one.
        """
        seconds = np.asarray(times, dtype="datetime64[s]")
        out = np.empty((len(seconds), self._points, len(self._names)), dtype=np.float32)
        year_angle, day_angle = _year_angle(seconds)[:, None], _day_angle(seconds)[:, None]
        for column, name in enumerate(self._names):
            out[..., column] = FORCINGS[name](self._place, year_angle, day_angle)
        return out


def compute(
    names: Sequence[str], latitudes: Array, longitudes: Array, times: NDArray[np.datetime64]
) -> NDArray[np.float32]:
    """Forcings at each time and place, ``(times, grid, len(names))``: ``Forcings(...).at(times)``."""
    return Forcings(names, latitudes, longitudes).at(times)


def check(names: Sequence[str]) -> None:
    """Refuse names that are not those of forcings.

    Raises
    ------
    ConfigError
        If there is one.
    """
    if unknown := [name for name in names if name not in FORCINGS]:
        raise ConfigError(
            f"Unknown forcing {unknown[0]!r}.", fix=f"Choose among: {', '.join(sorted(FORCINGS))}."
        )


def insolation(place: Place, year_angle: Array, day_angle: Array) -> Array:
    """Sunlight on a horizontal plane at the top of the atmosphere, as a fraction of the solar constant.

    The cosine of the solar zenith angle, zero at night, times the square of the mean over the
    present distance to the sun. Declination, equation of time and distance are the Fourier series
    of Spencer, "Fourier series representation of the position of the sun", Search 2 (1971);
    errors are below 0.001 rad, 35 s and 0.0001.

    Parameters
    ----------
    place
        The points.
    year_angle, day_angle
        2π times the fraction of the year, and of the day (UTC), that has passed.
    """
    g = year_angle
    declination = (
        0.006918 - 0.399912 * np.cos(g) + 0.070257 * np.sin(g) - 0.006758 * np.cos(2 * g)
        + 0.000907 * np.sin(2 * g) - 0.002697 * np.cos(3 * g) + 0.00148 * np.sin(3 * g)
    )  # fmt: skip
    equation_of_time = (
        0.000075
        + 0.001868 * np.cos(g)
        - 0.032077 * np.sin(g)
        - 0.014615 * np.cos(2 * g)
        - 0.040849 * np.sin(2 * g)
    )
    inverse_square_distance = (
        1.000110
        + 0.034221 * np.cos(g)
        + 0.001280 * np.sin(g)
        + 0.000719 * np.cos(2 * g)
        + 0.000077 * np.sin(2 * g)
    )
    hour_angle = day_angle + place.longitude + equation_of_time - np.pi
    polar = place.sin_latitude * np.sin(declination)
    cosine = polar + place.cos_latitude * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(inverse_square_distance * np.maximum(cosine, 0.0))


def _year_angle(times: NDArray[np.datetime64]) -> Array:
    year = times.astype("datetime64[Y]")
    start, end = year.astype("datetime64[s]"), (year + 1).astype("datetime64[s]")
    return np.asarray(2 * np.pi * ((times - start) / (end - start)))


def _day_angle(times: NDArray[np.datetime64]) -> Array:
    day = times.astype("datetime64[D]").astype("datetime64[s]")
    return np.asarray(2 * np.pi * ((times - day) / np.timedelta64(86400, "s")))


Forcing = Callable[[Place, Array, Array], Array]

FORCINGS: dict[str, Forcing] = {
    "cos_latitude": lambda place, year, day: place.cos_latitude,
    "sin_latitude": lambda place, year, day: place.sin_latitude,
    "cos_longitude": lambda place, year, day: place.cos_longitude,
    "sin_longitude": lambda place, year, day: place.sin_longitude,
    "cos_julian_day": lambda place, year, day: np.cos(year),
    "sin_julian_day": lambda place, year, day: np.sin(year),
    "cos_local_time": lambda place, year, day: np.cos(day + place.longitude),
    "sin_local_time": lambda place, year, day: np.sin(day + place.longitude),
    "insolation": insolation,
}
"""The forcings by the names that Anemoi users know: functions of the place, of the time of
year and of the time of day (UTC), both as angles in radians."""
