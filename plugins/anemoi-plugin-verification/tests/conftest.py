from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from anemoi.core.checkpoint import LockEntry
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import State
from anemoi.core.steps import Steps
from anemoi.core.times import parse_date, parse_duration
from anemoi.core.variable import Variable


class ArraySource(DataSource):
    """A data source over an array ``(time, ensemble, grid, variable)`` in memory."""

    def __init__(
        self,
        values: np.ndarray,
        grid: Grid,
        variables: tuple[str, ...],
        *,
        first: str = "2025-12-01",
        step: int = 6,
        missing: Sequence[int] = (),
        units: Mapping[str, str] | None = None,
    ) -> None:
        self._values, self._grid, self._variables = values, grid, variables
        self._step = np.timedelta64(step * 3600, "s")
        self._times = np.datetime64(first, "s") + self._step * np.arange(len(values))
        self._missing = frozenset(self._times[list(missing)])
        self._units = units or {}

    variables = property(lambda self: self._variables)
    times = property(lambda self: self._times)
    frequency = property(lambda self: self._step)
    grid = property(lambda self: self._grid)
    missing = property(lambda self: self._missing)
    units = property(lambda self: self._units)
    provenance: Mapping[str, Any] = {"identity": "array", "licence": "CC0-1.0", "attribution": "Made <here>"}

    @property
    def statistics(self) -> Statistics:
        axes = (0, 1, 2)
        v = self._values.astype(np.float64)
        return Statistics(*(of(v, axes) for of in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)))

    def read(self, times: Any) -> np.ndarray:
        index = {time: i for i, time in enumerate(self._times)}
        for time in times:
            if time not in index or time in self._missing:
                raise DataError(f"There is no state at {time}.")
        return self._values[[index[time] for time in times]].astype(np.float32)


def lat_lon(step: float) -> Grid:
    latitudes, longitudes = np.arange(90.0, -90.1, -step), np.arange(0.0, 360.0, step)
    lat, lon = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(lat.ravel(), lon.ravel(), lat.shape)


def scattered(points: int) -> Grid:
    """Points evenly spread, in no rows: a Fibonacci lattice."""
    i = np.arange(points) + 0.5
    return Grid(np.degrees(np.arcsin(1 - 2 * i / points)), (i * 180 * (3 - 5**0.5)) % 360)


def domain_of(source: DataSource, *variables: Variable) -> Domain:
    """The domain of a source whose variables are all prognostic, unless others are given."""
    given = variables or tuple(source.metadata.values())
    size = len(given)
    normal = Statistics(np.zeros(size), np.ones(size), np.full(size, -3.0), np.full(size, 3.0))
    return Domain(given, source.grid, source.frequency, normal, normal)


def persistence_forecast(
    source: DataSource, start: np.datetime64, steps: int, domain: str = "data"
) -> list[State]:
    initial = source.read([start])[0]
    return [State(start, source.frequency * k, initial, domain) for k in range(1, steps + 1)]


def two_states(step: np.timedelta64) -> Steps:
    """A model that takes two states and gives one, ``step`` apart."""
    return Steps(inputs=(-step, 0 * step), outputs=(step,), step=step, interval=step)


@pytest.fixture
def weather() -> ArraySource:
    """Twenty days of two smooth variables with a daily cycle, a drift and a travelling wave."""
    grid = lat_lon(15.0)
    lat, lon = np.radians(grid.latitudes), np.radians(grid.longitudes)
    hours = 6 * np.arange(80)[:, None]
    wave = np.cos(lat) ** 2 * np.cos(3 * lon - 2 * np.pi * hours / 60)
    cycle = np.cos(2 * np.pi * hours / 24 + lon) * np.cos(lat)
    pressure = 101300 + 800 * wave + 120 * cycle + 300 * np.sin(lat) ** 2
    temperature = 288 - 40 * np.sin(lat) ** 2 + 4 * cycle + 3 * wave + 0.002 * hours
    values = np.stack([pressure, temperature], axis=-1)[:, None]
    return ArraySource(values, grid, ("msl", "2t"), units={"msl": "Pa", "2t": "K"})


@pytest.fixture
def array_source() -> type[ArraySource]:
    return ArraySource


@pytest.fixture(name="domain_of")
def domain_of_source() -> Callable[..., Domain]:
    return domain_of


@pytest.fixture(name="lat_lon")
def lat_lon_grid() -> Callable[[float], Grid]:
    return lat_lon


@pytest.fixture(name="scattered")
def scattered_grid() -> Callable[[int], Grid]:
    return scattered


@pytest.fixture(name="persistence_forecast")
def persistence() -> Callable[[DataSource, np.datetime64, int], list[State]]:
    return persistence_forecast


@pytest.fixture
def checkpoint(weather: ArraySource) -> SimpleNamespace:
    """What a verification needs of a checkpoint trained on the first fifteen days of ``weather``."""
    entry = LockEntry("processor", "processor", "gnn", "anemoi-plugin-gnn", "1.2.3", "sha256:77", True)
    identity = "sha256:1234"
    provenance = {
        "training_period": {"start": "2025-12-01T00", "end": "2025-12-15T18"},
        "command": "anemoi train <fast>",
        "parents": [{"identity": "dataset-1"}],
    }
    return SimpleNamespace(
        domains={"data": domain_of(weather)},
        steps={"data": two_states(weather.frequency)},
        configuration={"data": {"name": "weather"}},
        overrides=("training.steps=7",),
        lock=(entry,),
        provenance=provenance,
        identity=identity,
        path=None,
        as_parent=lambda: {**provenance, "kind": "checkpoint", "identity": identity},
    )


@pytest.fixture
def damped(monkeypatch: pytest.MonkeyPatch) -> list[np.datetime64]:
    """In the place of a model: half of the truth, half persistence, members one apart about that.

    It notes the dates it starts from.
    """
    dates: list[np.datetime64] = []

    def forecast(checkpoint: Any, sources: Any, date: Any, lead_time: Any, **how: Any) -> list[State]:
        start = parse_date(date)
        dates.append(start)
        members = how.get("members", 1)
        apart = np.arange(members, dtype=np.float32)[:, None, None] - (members - 1) / 2
        found = []
        for name, source in sources.items():
            outputs = [source.variables.index(each) for each in checkpoint.domains[name].outputs]
            steps = int(parse_duration(lead_time) / source.frequency)
            states = persistence_forecast(source, start, steps, name)
            truth = source.read([state.valid_time for state in states])
            found += [
                State(start, state.lead_time, ((state.fields + truth[k]) / 2 + apart)[..., outputs], name)
                for k, state in enumerate(states)
            ]
        return sorted(found, key=lambda state: state.lead_time)

    monkeypatch.setattr("anemoi_plugin_verification.scoring.forecast", forecast)
    model = SimpleNamespace(objective=SimpleNamespace(stochastic=True))
    monkeypatch.setattr(
        "anemoi_plugin_verification.verification.build_model", lambda checkpoint, **how: model
    )
    monkeypatch.setattr("anemoi.core.forecasting.forecast", forecast)
    return dates


@pytest.fixture
def coupled(weather: ArraySource, checkpoint: SimpleNamespace) -> tuple[SimpleNamespace, ArraySource]:
    """The checkpoint, trained on an ocean too, and the ocean: sea-surface temperature, NaN on land."""
    grid = scattered(300)
    lat, lon = np.radians(grid.latitudes), np.radians(grid.longitudes)
    hours = 6 * np.arange(80)[:, None]
    sst = 300 - 25 * np.sin(lat) ** 2 + np.cos(lat) * np.cos(lon - hours / 60)
    sst = np.where(np.abs(lon - np.pi) < 0.6, np.nan, sst)
    ocean = ArraySource(sst[:, None, :, None], grid, ("sst",), units={"sst": "K"})
    checkpoint.domains["ocean"] = domain_of(ocean, Variable("sst", units="K", may_be_missing=True))
    checkpoint.steps["ocean"] = two_states(ocean.frequency)
    checkpoint.configuration = {
        "domains": {"data": {"data": {"name": "weather"}}, "ocean": {"data": {"name": "ocean"}}}
    }
    return checkpoint, ocean
