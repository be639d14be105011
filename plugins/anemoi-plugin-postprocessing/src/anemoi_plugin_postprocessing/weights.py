"""The points that values on another grid are taken from, and how much each counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from numpy.typing import NDArray

NEIGHBOURS: Final = 4
"""How many points a value is taken from by inverse distance."""

_ONE_PLACE: Final = 1e-7
"""Points nearer to each other than this, on the unit sphere, are one: less than a metre on the Earth."""

_GAP: Final = 1.5
"""How many times as wide as between its points the gap of a row is that does not go around the globe."""

_ROUNDING: Final = 1e-9
"""By how many degrees longitudes may be off."""

_ROW: Final = 1000.0
"""More than any longitude, so that rows follow one another on one line."""

Weights = tuple[NDArray[np.intp], NDArray[np.float64]]
"""The points of the source that each value is taken from, and their weights, ``(target, neighbours)`` each;
that which counts most first."""


@lru_cache(maxsize=16)  # forecasts from many dates share their grids
def near(source: Grid, target: Grid, count: int) -> Weights:
    """Weigh the nearest points by the inverse of their distance; one alone is the nearest."""
    apart, points = _tree(source).query(target.positions, k=min(count, len(source)))
    apart, points = apart.reshape(len(target), -1), points.reshape(len(target), -1)
    weight = 1.0 / np.maximum(apart, _ONE_PLACE)
    weight[apart[:, 0] < _ONE_PLACE] = np.eye(1, apart.shape[1])
    return points, weight / weight.sum(axis=1, keepdims=True)


@lru_cache(maxsize=16)
def linear(source: Grid, target: Grid) -> Weights:
    """Weigh the two points beside each in the row to its north and in that to its south, linearly in degrees.

    Beyond the first and the last row, as at a pole, values are those of that row; beyond the ends of the rows
    of a region, those of their ends.

    Raises
    ------
    DataError
        If the source has no rows.
    """
    rows = _rows(source)
    upper = np.clip(np.searchsorted(rows.latitudes, target.latitudes), 1, len(rows.latitudes) - 1)
    below, above = rows.latitudes[upper - 1], rows.latitudes[upper]
    share = np.clip((target.latitudes - below) / (above - below), 0.0, 1.0)
    south, north = (rows.beside(row, target.longitudes) for row in (upper - 1, upper))
    points = np.concatenate([south[0], north[0]], axis=1)
    weight = np.concatenate([south[1] * (1.0 - share)[:, None], north[1] * share[:, None]], axis=1)
    order = np.argsort(-weight, axis=1, kind="stable")
    return np.take_along_axis(points, order, axis=1), np.take_along_axis(weight, order, axis=1)


def check_covered(source: Grid, target: Grid) -> None:
    """Check that no point of a target is further from the source than its points are apart.

    Raises
    ------
    DataError
        If one is.
    """
    apart, _ = _tree(source).query(target.positions)
    outside = apart > _spacing(source) + _ONE_PLACE
    if outside.any():
        raise uncovered(target, int(outside.sum()), int(np.argmax(apart)))


def uncovered(target: Grid, count: int, point: int) -> DataError:
    """The error of so many points of a target that have no value, one of them ``point``."""
    return DataError(
        f"{count} of {len(target)} points of the grid lie where the forecast has none, one "
        f"at latitude {target.latitudes[point]:g}, longitude {target.longitudes[point]:g}.",
        fix="Choose a part: {name: regrid, grid: ..., area: [north, west, south, east]}.",
    )


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a grid from south to north, each from west to east.

    Parameters
    ----------
    latitudes
        Of the rows, increasing.
    first, count
        Where each begins in ``order``, and how many points it has.
    origin
        The longitude that each begins at.
    order
        The points, row by row.
    east
        How far to the east of the origin of its row each of these is.
    line
        The same, rows one behind the other.
    around
        Whether each goes around the globe.
    """

    latitudes: NDArray[np.float64]
    first: NDArray[np.intp]
    count: NDArray[np.intp]
    origin: NDArray[np.float64]
    order: NDArray[np.intp]
    east: NDArray[np.float64]
    line: NDArray[np.float64]
    around: NDArray[np.bool_]

    def beside(
        self, row: NDArray[np.intp], longitudes: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """The points to the west and to the east in a row, and their weights, ``(target, 2)`` each."""
        first, count = self.first[row], self.count[row]
        east = (longitudes - self.origin[row]) % 360.0
        place = np.searchsorted(self.line, row * _ROW + east, side="right") - first
        west, after = (place - 1) % count, place % count
        begin = self.east[first + west]
        gap, offset = (self.east[first + after] - begin) % 360.0, (east - begin) % 360.0
        # By rounding a point may lie a little to the west of itself, which is no turn around the globe.
        share = np.where(offset > 360.0 - _ROUNDING, 0.0, offset) / np.where(gap > 0, gap, 1.0)
        # Behind the last point of a row that ends: its own, or the first one if that is nearer.
        share = np.where(~self.around[row] & (place == count), share > 0.5, share)
        points = self.order[first[:, None] + np.stack([west, after], axis=1)]
        return points, np.stack([1.0 - share, share], axis=1)


@lru_cache(maxsize=8)
def _rows(grid: Grid) -> _Rows:
    """Find the rows of a grid: points of one latitude, one after the other.

    Raises
    ------
    DataError
        If it has none.
    """
    first = np.flatnonzero(np.diff(grid.latitudes, prepend=np.nan))
    count = np.diff(first, append=len(grid))
    latitudes = grid.latitudes[first]
    if len(first) < 2 or count.min() < 2 or len(np.unique(latitudes)) < len(first):
        raise DataError(
            "The points of the forecast lie in no rows of latitude, between which values could be linear.",
            fix="Interpolate from the nearest points: {name: regrid, method: inverse-distance, grid: ...}.",
        )
    order, eastward, line, origin, around = [], [], [], [], []
    northward = np.argsort(latitudes)
    for number, row in enumerate(northward):
        points = np.arange(first[row], first[row] + count[row])
        east = grid.longitudes[points] % 360.0
        sequence = np.argsort(east, kind="stable")
        gaps = np.diff(east[sequence], append=east[sequence[0]] + 360.0)
        widest = int(np.argmax(gaps))
        ends = bool(gaps[widest] > _GAP * np.median(gaps))
        begin = float(east[sequence[(widest + 1) % len(sequence)]]) if ends else 0.0
        sequence = np.argsort((east - begin) % 360.0, kind="stable")
        order.append(points[sequence])
        eastward.append((east[sequence] - begin) % 360.0)
        line.append(number * _ROW + eastward[-1])
        origin.append(begin)
        around.append(not ends)
    counts = count[northward]
    return _Rows(
        latitudes=latitudes[northward],
        first=np.cumsum(counts) - counts,
        count=counts,
        origin=np.array(origin),
        order=np.concatenate(order),
        east=np.concatenate(eastward),
        line=np.concatenate(line),
        around=np.array(around),
    )


@lru_cache(maxsize=8)
def _tree(grid: Grid) -> Any:
    from scipy.spatial import KDTree

    return KDTree(grid.positions)


def _spacing(grid: Grid) -> float:
    """How far points are apart where they are the furthest, on the unit sphere."""
    if axes := grid.axes:
        steps = [np.abs(np.diff(axis)).max() for axis in axes if len(axis) > 1]
        return float(2.0 * np.sin(np.deg2rad(max(steps, default=0.0)) / 2.0))
    found = _tree(grid).query(grid.positions, k=min(NEIGHBOURS + 1, len(grid)))[0]
    return float(found.reshape(len(grid), -1)[:, -1].max())
