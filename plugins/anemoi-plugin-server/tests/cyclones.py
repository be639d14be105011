"""A plugin that adds a product: tracks of tropical cyclones in a forecast that a job has made.

A whole plugin in one file: a command, and the job that runs it. A distribution of its own would offer them as
``cyclones = "anemoi_plugin_cyclones:command"`` in the groups ``anemoi.core.commands`` and ``:CyclonesJob`` in
``anemoi.core.jobs``; here ``conftest.py`` does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import click
import numpy as np
from anemoi.core.cli.event_log import EventLog
from anemoi.core.config import build
from anemoi.core.errors import DataError
from pydantic import Field
from scipy.spatial import KDTree

from anemoi_plugin_server.job import Choice, Job, Progress, Unit, Workspace

EARTH = 6371.0  # km
TROPICS = 40.0  # degrees: where a cyclone may begin and go


class CyclonesJob(Job):
    """Follows tropical cyclones through a forecast.

    Parameters
    ----------
    forecast
        The job that made the forecast.
    depth
        How much lower the pressure in the centre is than the mean around it.
    wind
        How strong the wind around it is at least, where the forecast has wind at 10 m.
    distance
        What is around it, and how far it moves between two states at most.
    """

    title = "Tracks of tropical cyclones"

    def __init__(
        self,
        *,
        forecast: Annotated[str, Choice("result")],
        depth: Annotated[float, Field(gt=0), Unit("Pa")] = 500.0,
        wind: Annotated[float, Field(ge=0), Unit("m s**-1")] = 17.0,
        distance: Annotated[float, Field(gt=0, le=2000), Unit("km")] = 500.0,
    ) -> None:
        self.forecast, self.given = forecast, {"depth": depth, "wind": wind, "distance": distance}

    def command(self, workspace: Workspace) -> Sequence[str]:
        (workspace.directory / self.results).mkdir(exist_ok=True)
        forecast = workspace.result(self.forecast) / "forecast.zarr"
        words = [f"--{name}={value}" for name, value in self.given.items()]
        return ["cyclones", str(forecast), f"--output={self.results}/tracks.json", *words]

    def progress(self, before: Progress, event: Any) -> Progress:
        return Progress(event["done"], event["of"]) if event["event"] == "searched" else before


@click.command()
@click.argument("forecast", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True, help="The file of the tracks.")
@click.option("--depth", type=float, default=500.0, help="Pa.")
@click.option("--wind", type=float, default=17.0, help="m/s.")
@click.option("--distance", type=float, default=500.0, help="km.")
def command(forecast: Path, output: Path, depth: float, wind: float, distance: float) -> None:
    """Find tropical cyclones in FORECAST, and follow them."""
    source = build("source", {"name": "zarr", "path": str(forecast)})
    pressure = next((name for name in ("msl", "sp") if name in source.variables), None)
    if pressure is None:
        raise DataError(f"{forecast} has no msl and no sp.", fix="Keep one of them in the forecast.")
    columns = [source.variables.index(name) for name in (pressure, "10u", "10v") if name in source.variables]
    around = Around(source.grid, distance)
    tracks: list[list[dict[str, Any]]] = []
    with open("events.jsonl", "a", encoding="utf-8") as stream:
        events = EventLog(stream)
        for number, time in enumerate(source.times):
            fields = source.read([time])[0, 0][:, columns]
            speed = np.hypot(*fields.T[1:]) if fields.shape[1] == 3 else None
            extend(tracks, around.centres(fields[:, 0], speed, depth, wind), number, str(time), distance)
            events.tell("searched", done=number + 1, of=len(source.times))
    output.write_text(json.dumps({"pressure": pressure, "tracks": tracks}, indent=1), encoding="utf-8")


class Around:
    """What lies around each point of a grid in the tropics."""

    def __init__(self, grid: Any, distance: float) -> None:
        self.latitudes, self.longitudes = grid.latitudes, grid.longitudes
        self.positions = positions(self.latitudes, self.longitudes)
        self.points = np.flatnonzero(np.abs(self.latitudes) <= TROPICS)
        tree = KDTree(self.positions)
        self.neighbours = tree.query_ball_point(self.positions[self.points], chord(distance))

    def centres(self, pressure: Any, speed: Any, depth: float, wind: float) -> list[dict[str, float]]:
        """The points with the lowest pressure around, deep enough, and with enough wind."""
        found = []
        for point, neighbours in zip(self.points, self.neighbours, strict=True):
            own = pressure[neighbours]
            if pressure[point] > own.min() or own.mean() - pressure[point] < depth:
                continue
            strongest = None if speed is None else float(speed[neighbours].max())
            if strongest is None or strongest >= wind:
                place = {"latitude": self.latitudes[point], "longitude": self.longitudes[point]}
                found.append(
                    {
                        **{name: float(value) for name, value in place.items()},
                        "pressure": float(pressure[point]),
                        **({} if strongest is None else {"wind": strongest}),
                    }
                )
        return found


def extend(tracks: list[Any], centres: list[Any], state: int, time: str, distance: float) -> None:
    """Add each centre to the track that ended nearest to it a state ago, or begin one with it."""
    current = [track for track in tracks if track[-1]["state"] == state - 1]
    for centre in centres:
        here = positions(*np.array([[centre["latitude"]], [centre["longitude"]]]))
        ends = [positions(*np.array([[t[-1]["latitude"]], [t[-1]["longitude"]]])) for t in current]
        away = [float(np.linalg.norm(here - end)) for end in ends]
        point = {"state": state, "time": time, **centre}
        if away and min(away) <= chord(distance):
            current.pop(int(np.argmin(away))).append(point)
        else:
            tracks.append([point])


def positions(latitudes: Any, longitudes: Any) -> Any:
    """Unit vectors, ``(points, 3)``."""
    y, x = np.deg2rad(latitudes), np.deg2rad(longitudes)
    return np.stack([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y)], axis=-1)


def chord(distance: float) -> float:
    """The length between two unit vectors that are so many kilometres apart on the Earth."""
    return 2 * float(np.sin(distance / EARTH / 2))
