"""Made-up weather on real grids, written as `anemoi forecast` writes it."""

from __future__ import annotations

import numpy as np
from anemoi.core.config import build
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.variable import Variable

START = np.datetime64("2025-12-22T00", "s")
VARIABLES = (
    Variable("2t", units="K", level_type="surface"),
    Variable("msl", units="Pa", level_type="surface"),
    Variable("10u", units="m s-1", level_type="surface"),
    Variable("tp", units="m", level_type="surface", accumulated=np.timedelta64(6 * 3600, "s")),
    Variable("t_850", units="K", level=850, level_type="pressure"),
    Variable("t_500", units="K", level=500, level_type="pressure"),
    Variable("sst", units="K", level_type="surface", may_be_missing=True),
)


def octahedral(number: int) -> Grid:
    """The octahedral reduced Gaussian grid of ECMWF, O96 for 96."""
    latitudes = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(2 * number)[0]))[::-1]
    counts = [20 + 4 * min(row, 2 * number - 1 - row) for row in range(2 * number)]
    longitudes = [360.0 * np.arange(count) / count for count in counts]
    return Grid(np.repeat(latitudes, counts), np.concatenate(longitudes))


def regular(step: float, box=(90.0, -180.0, -90.0, 180.0)) -> Grid:
    """A grid of rows and columns, of the globe or of a box: north, west, south, east."""
    north, west, south, east = box
    latitudes = np.arange(north, south - step / 2, -step)
    longitudes = np.arange(west, east - (step if east - west == 360 else -step / 2), step)
    lat, lon = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(lat.ravel(), lon.ravel(), lat.shape)


def fields(grid: Grid, hours: float, members: int = 1) -> np.ndarray:
    """``(members, grid, variables)``: waves that travel eastwards, each member a little ahead of the last."""
    lat, lon = np.radians(grid.latitudes), np.radians(grid.longitudes)
    made = []
    for member in range(members):
        wave = np.cos(lat) ** 2 * np.cos(5 * lon - 2 * np.pi * hours / 96 - 0.15 * member)
        second = np.sin(2 * lat) * np.cos(3 * lon + 4 * lat - 2 * np.pi * hours / 60)
        temperature = 300 - 55 * np.sin(lat) ** 2 + 6 * wave + 4 * second
        rain = np.maximum(0, wave * second - 0.1) * 0.02
        sst = np.where(np.cos(7 * lon) * np.cos(lat) > 0.3, np.nan, temperature)
        pressure = 101300 + 2500 * second - 900 * wave
        columns = (temperature, pressure, 18 * wave, rain, temperature - 9, temperature - 35, sst)
        made.append(np.stack(columns, axis=-1))
    return np.stack(made).astype(np.float32)


def write_forecast(path, grid: Grid, *, states: int = 4, members: int = 1, output: str = "zarr") -> None:
    """Write a forecast every 6 hours; the format is that of the output."""
    leads = np.arange(1, states + 1) * np.timedelta64(6 * 3600, "s")
    forecast = ForecastDescription(
        start=START,
        lead_times=leads,
        members=members,
        variables=tuple(each.name for each in VARIABLES),
        grid=grid,
        units={each.name: each.units for each in VARIABLES},
        provenance={"kind": "forecast", "identity": "made-up", "start": "2025-12-22T00"},
        frequency=np.timedelta64(6 * 3600, "s"),
        metadata={each.name: each for each in VARIABLES},
    )
    with build("output", {"name": output}, path=str(path), forecast=forecast) as writing:
        for lead in leads:
            hours = lead / np.timedelta64(3600, "s")
            writing.write(State(START, lead, fields(grid, hours, members)))
