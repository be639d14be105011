"""The rim of a region: the points whose values its boundary gives."""

from __future__ import annotations

import re

import numpy as np
from anemoi.core.areas import on_border
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.rows import rings
from numpy.typing import NDArray
from scipy.spatial import KDTree

_DISTANCE = re.compile(r"(\d+(?:\.\d+)?) ?km")

_EARTH_KM = 6371.0
"""The radius of the Earth."""


def rim_of(domain: Domain, rim: int | str) -> NDArray[np.bool_]:
    """The rim of a region, ``(points,)``.

    Parameters
    ----------
    domain
        The region.
    rim
        How many rows and columns, counted from the border; or how far from the points on the border,
        ``300km``; or the name of a constant of the domain, which is above zero on the rim.

    Raises
    ------
    ConfigError
        If the grid has no border to count from, there is no such constant, or no point is left inside.
    """
    if isinstance(rim, int):
        found = _outer_rows(domain.grid, rim)
    elif match := _DISTANCE.fullmatch(rim):
        found = _within(domain.grid, float(match[1]))
    else:
        found = _masked(domain, rim)
    if found.all():
        raise ConfigError(
            f"A rim of {rim} leaves none of the {len(found)} points of the region inside.",
            fix="Choose a smaller one: objective.rim.",
        )
    return found


def _outer_rows(grid: Grid, count: int) -> NDArray[np.bool_]:
    within = rings(grid)
    if within is None:
        raise ConfigError(
            f"A rim of {count} rows needs a grid that has rows and columns.",
            fix="Choose a distance, objective.rim=300km, or name a constant of the data.",
        )
    return within < count


def _within(grid: Grid, distance: float) -> NDArray[np.bool_]:
    """The points within a distance (km) of a point on the border, that point included."""
    within = rings(grid)
    border = on_border(grid.positions) if within is None else within == 0
    if not border.any():
        raise ConfigError(
            f"A rim of {distance:g} km needs a region with a border, and this grid has none.",
            fix="Name a constant of the data that is above zero on the rim: objective.rim=NAME.",
        )
    chord = 2.0 * np.sin(min(np.pi, distance / _EARTH_KM) / 2.0)
    nearest, _ = KDTree(grid.positions[border]).query(grid.positions)
    return np.asarray(nearest <= chord + 1e-9)


def _masked(domain: Domain, name: str) -> NDArray[np.bool_]:
    if name not in domain.constants:
        raise ConfigError(
            f"objective.rim is {name!r}: neither rows (2), nor a distance (300km), nor a constant of the "
            "region.",
            fix=f"Its constants: {', '.join(domain.constants) or 'none'}.",
        )
    return np.asarray(domain.constants[name] > 0)
