"""The postprocessor ``select``: some variables, levels, or an area."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, PostProcessor, State
from numpy.typing import NDArray

from .names import columns_of, places


class Select(PostProcessor):
    """Leaves some variables, some levels, or the points within an area.

    Parameters
    ----------
    forecast
        What is to come.
    variables
        The variables, in this order, by their names, or by that of a parameter on all its levels; all by
        default.
    levels
        The levels of what is on levels, of whatever type; what is on none stays. All by default.
    area
        North, west, south and east in degrees; from west to east across any meridian. Edges belong to it.
        Rows and columns stay such, and begin in the west.

    Raises
    ------
    ConfigError
        If nothing is selected, the forecast does not have a variable or a level, or the area is none.
    DataError
        If there is no point in the area.
    """

    remembers = False

    def __init__(
        self,
        *,
        forecast: ForecastDescription,
        variables: list[str] | None = None,
        levels: list[float] | None = None,
        area: list[float] | None = None,
    ) -> None:
        super().__init__(forecast=forecast)
        if variables is None and levels is None and area is None:
            raise ConfigError("Nothing is selected.", fix="Give variables, levels or an area.")
        names = forecast.variables if variables is None else variables
        columns = [column for name in names for column in columns_of(forecast, name, "variables")]
        columns = list(dict.fromkeys(columns))
        if levels is not None:
            at = places(forecast)
            there = {at[column].level for column in columns if _on_level(forecast, column)}
            if absent := [level for level in levels if level not in there]:
                raise ConfigError(
                    f"Nothing that is selected is on the levels {_listed(absent)}.",
                    fix=f"There are {_listed(sorted(level for level in there if level is not None))}.",
                )
            columns = [each for each in columns if not _on_level(forecast, each) or at[each].level in levels]
        self._columns = columns
        self._points = None if area is None else _within(forecast.grid, area)
        left = forecast.with_variables([forecast.about(forecast.variables[column]) for column in columns])
        self._after = left if self._points is None else replace(left, grid=_part(forecast.grid, self._points))

    @property
    def after(self) -> ForecastDescription:
        """What is selected."""
        return self._after

    def apply(self, state: State) -> NDArray[np.float32]:
        """Select from the next state."""
        fields = state.fields if self._points is None else state.fields[:, self._points.reshape(-1)]
        return fields[..., self._columns]


def _listed(levels: list[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels) or "none"


def _on_level(forecast: ForecastDescription, column: int) -> bool:
    """Whether a variable is one of a parameter on several levels: ``2t`` at 2 m is not."""
    at, name = places(forecast)[column], forecast.variables[column]
    return at.level is not None and at.short_name != name


def _within(grid: Grid, area: list[float]) -> NDArray[np.intp]:
    """The numbers of the points in an area, ``(rows, columns)`` where the grid has these, else ``(points,)``.

    Raises
    ------
    ConfigError
        If the area is none.
    DataError
        If there is no point in it.
    """
    if len(area) != 4 or not -90 <= area[2] <= area[0] <= 90:
        raise ConfigError(
            f"area: {area} is none.",
            fix="Write it as [north, west, south, east], in degrees: [72, -25, 34, 45].",
        )
    north, west, south, east = area
    width = 360.0 if east - west >= 360.0 else (east - west) % 360.0
    if axes := grid.axes:
        latitudes, longitudes = axes
        rows = np.flatnonzero((latitudes <= north) & (latitudes >= south))
        # From the west on, whatever meridian that is, so that the columns stay in one direction.
        eastward = (longitudes - west) % 360.0
        columns = np.flatnonzero(eastward <= width)
        columns = columns[np.argsort(eastward[columns], kind="stable")]
        points = rows[:, None] * len(longitudes) + columns
    else:
        inside = (grid.latitudes <= north) & (grid.latitudes >= south)
        points = np.flatnonzero(inside & ((grid.longitudes - west) % 360.0 <= width))
    if not points.size:
        raise DataError(f"No point of the grid is in the area {area} (north, west, south, east).")
    return points


def _part(grid: Grid, points: NDArray[np.intp]) -> Grid:
    latitudes, longitudes = grid.latitudes[points], grid.longitudes[points]
    if points.ndim == 1:
        return Grid(latitudes, longitudes)
    # Columns on both sides of 0° go on in one direction, from below 0°.
    turns = np.cumsum(np.diff(longitudes, axis=1, prepend=longitudes[:, :1]) < 0, axis=1)
    longitudes = longitudes + 360.0 * (turns - turns[:, -1:])
    return Grid(latitudes.reshape(-1), longitudes.reshape(-1), points.shape)
