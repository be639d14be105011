"""Inputs that need no data: they follow from the place and the time alone.

Each is a component of the kind ``forcing``; those of the core are in the modules of this package, under the
names that Anemoi users know.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..config.nearest import provider
from ..errors import ConfigError, PluginError
from ..interfaces.forcing import Forcing
from ..plugins import components, load, normalise

__all__ = ["Forcings", "check", "compute", "names"]


class Forcings:
    """Forcings of one grid, at any time.

    Parameters
    ----------
    names
        Which, by the names of installed components.
    latitudes, longitudes
        ``(grid,)``, in degrees.

    Raises
    ------
    ConfigError
        If a name is not that of a forcing.
    PluginError
        If one cannot be used.
    """

    def __init__(
        self, names: Sequence[str], latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]
    ) -> None:
        self._latitudes, self._longitudes = _unchanging(latitudes), _unchanging(longitudes)
        self._forcings = [_class(name)() for name in names]
        any_time = np.zeros(1, dtype="datetime64[s]")
        self._constant = {
            column: forcing.compute(self._latitudes, self._longitudes, any_time).astype(np.float32)
            for column, forcing in enumerate(self._forcings)
            if forcing.constant
        }
        self._points = len(latitudes)

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
        out = np.empty((len(seconds), self._points, len(self._forcings)), dtype=np.float32)
        for column, forcing in enumerate(self._forcings):
            if column in self._constant:
                out[..., column] = self._constant[column]
            else:
                out[..., column] = forcing.compute(self._latitudes, self._longitudes, seconds)
        return out


def compute(
    names: Sequence[str],
    latitudes: NDArray[np.float64],
    longitudes: NDArray[np.float64],
    times: NDArray[np.datetime64],
) -> NDArray[np.float32]:
    """Forcings at each time and place, ``(times, grid, len(names))``: ``Forcings(...).at(times)``."""
    return Forcings(names, latitudes, longitudes).at(times)


def names() -> tuple[str, ...]:
    """The names of all forcings that are installed and can be used; nothing is imported."""
    return tuple(component.name for component in components("forcing") if component.state == "ok")


def check(names: Sequence[str]) -> None:
    """Refuse names that are not those of forcings.

    Raises
    ------
    ConfigError
        If there is one.
    PluginError
        If one is that of a forcing that cannot be used.
    """
    for name in names:
        _class(name)


@cache  # To look a component up is to read the metadata of all distributions.
def _class(name: str) -> type[Forcing]:
    try:
        found: type[Forcing] = load("forcing", name)
    except PluginError as error:
        short = normalise(name.rpartition(":")[2])
        if any(normalise(component.name) == short for component in components("forcing")):
            raise
        fix = provider(name) or f"Choose among: {', '.join(sorted(names()))}."
        raise ConfigError(f"Unknown forcing {name!r}.", fix=fix) from error
    return found


def _unchanging(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """A copy that cannot be written to, so that what is computed from it stays valid."""
    own = np.array(coordinates, dtype=np.float64)
    own.flags.writeable = False
    return own
