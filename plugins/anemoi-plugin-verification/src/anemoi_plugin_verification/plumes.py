"""The members of a forecast at one point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import State
from numpy.typing import NDArray

from .ensemble_charts import Plume
from .fields import read_fields


def typical_point(members: NDArray[np.floating]) -> int:
    """Choose a point whose spread is the median of all where there is any, from ``(members, grid)``."""
    spread = members.astype(np.float64).std(axis=0)
    known = np.flatnonzero(np.isfinite(spread))
    if not len(known):
        return 0
    return int(known[np.argsort(spread[known], kind="stable")[len(known) // 2]])


def plume_at(
    source: DataSource, variable: str, states: Sequence[State], column: int, point: int, factor: float
) -> Plume:
    """Take the members and the truth at a point.

    Parameters
    ----------
    source
        The truth.
    variable
        Which variable.
    states
        Of the forecast, by lead time.
    column
        Where the variable is in their fields.
    point
        Where the point is in the grid.
    factor
        From the unit of the data to the one shown.
    """
    times = [states[0].start, *(state.valid_time for state in states)]
    # One at a time, so that no more than one field is in memory.
    truth = [
        read_fields(source, [variable], [time], may_be_missing=[variable])[0, point, 0] for time in times
    ]
    return Plume(
        place=_place(source.grid.latitudes[point], source.grid.longitudes[point]),
        hours=np.array([state.lead_time / np.timedelta64(1, "h") for state in states]),
        members=np.stack([state.fields[:, point, column] for state in states]).astype(np.float64) * factor,
        truth=np.array(truth) * factor,
    )


def _place(latitude: float, longitude: float) -> str:
    east = (longitude + 180.0) % 360.0 - 180.0
    return (
        f"{abs(latitude):.1f}° {'N' if latitude >= 0 else 'S'}, {abs(east):.1f}° {'E' if east >= 0 else 'W'}"
    )
