"""How good forecasts of a region are, inside it, beside persistence and a coarser model.

    python benchmarks/regions.py CHECKPOINT [--coarse CHECKPOINT] [--every 12h] [--end DATE]

CHECKPOINT is of ``+experiment=limited-area`` or ``+experiment=stretched-grid``. The points verified are those of the
limited area within its rim of two rows and columns, for both. Forecasts start every so often in the test period, from
the end of the training to three days before the end of the data. Root-mean-square errors, weighted by the cosine of
the latitude, at 6, 24 and 72 h, as a table in Markdown:

model
    The forecast of CHECKPOINT; the boundary of a limited area is the analysis, thinned.
driven
    A limited area again, its boundary the forecast of the coarse model.
coarse
    The forecast of the coarse model, interpolated linearly in latitude and longitude.
boundary
    The thinned analysis at the same time, interpolated so: no forecast, but all that a boundary knows.
persistence
    The state at the start.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core import config, forecast
from anemoi.core.checkpoint import Checkpoint, build_model, load
from anemoi.core.delegating import DelegatingSource
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi.core.rows import rings
from anemoi.core.times import parse_date, parse_duration
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

HOUR = np.timedelta64(3600, "s")
LEADS = [6, 24, 72]
RIM = 2
TRUTH = {
    "name": "subset",
    "source": {"name": "sample-earth"},
    "drop": ["sst", "ci"],
    "area": [70, -58, 25, 46],
}
COARSE = {"name": "subset", "source": {"name": "sample-earth"}, "drop": ["sst", "ci"], "thinning": 2}

Fields = Mapping[int, NDArray[np.float32]]
"""States by lead time in hours, ``(grid, variable)``."""


class Forecaster:
    """A checkpoint, its model and the sources of its domains."""

    def __init__(self, path: Path) -> None:
        self.checkpoint: Checkpoint = load(path)
        self.model = build_model(self.checkpoint)
        settings = self.checkpoint.configuration
        specs = {name: own["data"] for name, own in settings["domains"].items()} or {"data": settings["data"]}
        self.sources: dict[str, DataSource] = {
            name: config.build("source", spec) for name, spec in specs.items()
        }

    @property
    def name(self) -> str:
        """The domain that is forecast."""
        return next(name for name, domain in self.checkpoint.domains.items() if domain.outputs)

    @property
    def variables(self) -> tuple[str, ...]:
        """What it forecasts."""
        return self.checkpoint.domains[self.name].outputs

    @property
    def grid(self) -> Grid:
        """Where."""
        return self.checkpoint.domains[self.name].grid

    def __call__(self, start: np.datetime64, **sources: DataSource) -> Fields:
        states = forecast(
            self.checkpoint, {**self.sources, **sources}, start, f"{LEADS[-1]}h", model=self.model
        )
        return {int(state.lead_time / HOUR): state.fields[0] for state in states}


class Continued(DelegatingSource[DataSource]):
    """A source up to a time, and a forecast from then on.

    Parameters
    ----------
    source
        The analysis.
    start
        The last time that is read from it.
    made
        The forecast on the grid of ``within``.
    variables
        Its variables; others stay as they were at the start.
    within
        The grid of the forecast, of which that of the source is a part.
    """

    def __init__(
        self,
        source: DataSource,
        start: np.datetime64,
        made: Fields,
        variables: Sequence[str],
        within: Grid,
    ) -> None:
        super().__init__(source)
        self._start, self._made = start, made
        self._into = [source.variables.index(name) for name in variables]
        self._points = np.argmax(source.grid.positions @ within.positions.T, axis=1)

    def read(self, times: Sequence[np.datetime64] | NDArray[np.datetime64]) -> NDArray[np.float32]:
        """Read each time from where it is known."""
        return np.concatenate([self._state(time) for time in times])

    def _state(self, time: np.datetime64) -> NDArray[np.float32]:
        if time <= self._start:
            return self._source.read([time])
        state = self._source.read([self._start]).copy()
        state[0, 0][:, self._into] = self._made[int((time - self._start) / HOUR)][self._points]
        return state


def interpolated(values: NDArray[np.float32], source: Grid, target: Grid) -> NDArray[np.float64]:
    """Interpolate from a regular grid of the globe, linearly in latitude and longitude."""
    shape = source.field_shape
    assert shape is not None
    north = source.latitudes.reshape(shape)[:, 0]
    east = source.longitudes.reshape(shape)[0]
    field = values.reshape(*shape, -1)
    around = np.concatenate([field, field[:, :1]], axis=1)
    within = RegularGridInterpolator((-north, np.append(east, east[0] + 360.0)), around)
    places = np.stack([-target.latitudes, target.longitudes % 360.0], axis=-1)
    return np.asarray(within(places))


def columns(source: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where some variables are among others."""
    return [list(source).index(name) for name in wanted]


def scores(arguments: argparse.Namespace) -> tuple[tuple[str, ...], dict[str, NDArray[np.float64]]]:
    """Make all forecasts; the errors by method, ``(lead time, variable)``."""
    regional = Forecaster(arguments.checkpoint)
    coarse = Forecaster(arguments.coarse) if arguments.coarse else None
    truth, thinned = (config.build("source", spec) for spec in (TRUTH, COARSE))
    variables = tuple(name for name in regional.variables if name in truth.variables)
    ring = rings(truth.grid)
    assert ring is not None
    inside = np.flatnonzero(ring >= RIM)
    target = Grid(truth.grid.latitudes[inside], truth.grid.longitudes[inside])
    area = np.cos(np.deg2rad(target.latitudes))
    area /= area.sum()
    ours = np.argmax(target.positions @ regional.grid.positions.T, axis=1)
    of = columns(regional.variables, variables)

    squares: dict[str, list[Any]] = defaultdict(list)
    for start in starts(truth, arguments):
        known = truth.read([start])[0, 0][inside][:, columns(truth.variables, variables)]
        made = {"model": {h: each[ours][:, of] for h, each in regional(start).items()}}
        if coarse is not None:
            theirs = coarse(start)
            to = columns(coarse.variables, variables)
            made["coarse"] = {h: interpolated(theirs[h][:, to], coarse.grid, target) for h in LEADS}
            if "boundary" in regional.sources:
                given = Continued(regional.sources["boundary"], start, theirs, coarse.variables, coarse.grid)
                driven = regional(start, boundary=given)
                made["driven"] = {h: each[ours][:, of] for h, each in driven.items()}
        for hours in LEADS:
            at = [start + hours * HOUR]
            right = truth.read(at)[0, 0][inside][:, columns(truth.variables, variables)]
            there = thinned.read(at)[0, 0][:, columns(thinned.variables, variables)]
            found = {name: fields[hours] for name, fields in made.items()}
            found["boundary"] = interpolated(there, thinned.grid, target)
            found["persistence"] = known
            for name, values in found.items():
                squares[name].append((area[:, None] * (values - right) ** 2).sum(axis=0))
    count = len(LEADS)
    return variables, {
        name: np.sqrt(np.reshape(each, (-1, count, len(variables))).mean(axis=0))
        for name, each in squares.items()
    }


def starts(source: DataSource, arguments: argparse.Namespace) -> NDArray[np.datetime64]:
    """When forecasts start."""
    first = parse_date("2000-05-08T06")
    last = source.times[-1] if arguments.end is None else parse_date(arguments.end)
    return np.arange(first, last - LEADS[-1] * HOUR + HOUR, parse_duration(arguments.every))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--coarse", type=Path)
    parser.add_argument("--every", default="12h")
    parser.add_argument("--end")
    variables, found = scores(parser.parse_args())
    order = [name for name in ("model", "driven", "coarse", "boundary", "persistence") if name in found]
    print(f"| {' / '.join(order)} | {' | '.join(f'{hours} h' for hours in LEADS)} |")
    print(f"|---|{'---|' * len(LEADS)}")
    for place, name in enumerate(variables):
        cells = [
            " / ".join(f"{found[each][number, place]:.3g}" for each in order) for number in range(len(LEADS))
        ]
        print(f"| `{name}` | {' | '.join(cells)} |")
    for each in order[1:]:
        better = [(found["model"][n] < found[each][n]).sum() for n in range(len(LEADS))]
        print(f"model better than {each}: {', '.join(map(str, better))} of {len(variables)} variables")
        if "driven" in found and each not in ("driven",):
            better = [(found["driven"][n] < found[each][n]).sum() for n in range(len(LEADS))]
            print(f"driven better than {each}: {', '.join(map(str, better))} of {len(variables)} variables")


if __name__ == "__main__":
    main()
