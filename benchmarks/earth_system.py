"""Whether an atmosphere is better over an ocean that is forecast than over one that stays as it is.

    python benchmarks/earth_system.py JOINT ATMOSPHERE OCEAN [--every 18h] [--lead-times 24h 72h 120h] [--interval 24h]

The checkpoints are those of ``+experiment=earth-system``, ``earth-system-atmosphere`` and ``earth-system-ocean``. Forecasts start
every so many hours of the test period. Of each the root-mean-square error is taken by area, and averaged over
the starts, as ``anemoi evaluate`` does, of

joint
    one model of both;
coupled
    the two checkpoints, each of which hears the other;
persisted
    the atmosphere alone, over the sea surface and the ice of the start;
true
    the same over those that came, which nobody knows at the start: the most that a forecast ocean can give;
persistence
    the state of the start, unchanged.

Prints a table of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from anemoi.core import config, forecast
from anemoi.core.areas import cell_areas
from anemoi.core.checkpoint import build_model, load
from anemoi.core.interfaces import DataSource, State
from anemoi.core.times import parse_date, parse_duration
from anemoi_plugin_coupling.coupling import Coupled, Coupling

VARIABLES = ("2t", "t_835", "z_510", "sp", "sst")
SEA = ("sst", "ci")
HEARD = {
    "atmosphere": {name: f"ocean.{name}" for name in SEA},
    "ocean": {name: f"atmosphere.{name}" for name in ("2t", "10u", "10v", "q_835")},
}
Errors = dict[tuple[str, str, np.timedelta64], list[float]]
"""By way of forecasting, variable and lead time: one of each start."""


class Truth:
    """What came, of one component.

    Parameters
    ----------
    source
        Where it is.
    """

    def __init__(self, source: DataSource) -> None:
        self.source = source
        self.areas = cell_areas(source.grid.positions)

    def error(self, values: np.ndarray, name: str, time: np.datetime64) -> float:
        """The root of the mean square of the error by area, of one field ``(grid,)``."""
        true = self.field(name, time)
        there = np.isfinite(true)
        square = (values[there].astype(np.float64) - true[there]) ** 2
        return float(np.sqrt(np.average(square, weights=self.areas[there])))

    def field(self, name: str, time: np.datetime64) -> np.ndarray:
        """One field, ``(grid,)``."""
        return np.asarray(self.source.read([time])[0, 0, :, self.source.variables.index(name)])


def note(errors: Errors, way: str, truth: Truth, names: tuple[str, ...], state: State) -> None:
    """Keep the errors of those variables of a state that are wanted."""
    for name in VARIABLES:
        if name in names:
            values = state.fields[0, :, names.index(name)]
            errors.setdefault((way, name, state.lead_time), []).append(
                truth.error(values, name, state.valid_time)
            )


def starts_of(
    source: DataSource, end_of_training: np.datetime64, every: str, last: str
) -> Iterator[np.datetime64]:
    """The dates of the test period from which all lead times lie within it."""
    start = end_of_training + 2 * source.frequency
    while start + parse_duration(last) <= source.times[-1]:
        yield start
        start = start + parse_duration(every)


def main() -> None:
    """Make the forecasts and print their errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("joint", "atmosphere", "ocean"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--every", default="18h")
    parser.add_argument("--lead-times", nargs="+", default=["24h", "72h", "120h"])
    parser.add_argument("--interval", default="24h")
    given = parser.parse_args()

    truths = {
        "atmosphere": Truth(config.build("source", {"name": "sample-earth"})),
        "ocean": Truth(config.build("source", {"name": "sample-earth-ocean"})),
    }
    sources = {name: truth.source for name, truth in truths.items()}
    checkpoints = {name: load(getattr(given, name)) for name in ("joint", "atmosphere", "ocean")}
    last = given.lead_times[-1]
    ends = parse_date(checkpoints["joint"].configuration["dates"]["end"])
    starts = list(starts_of(sources["atmosphere"], ends, given.every, last))
    wanted = [parse_duration(lead) for lead in given.lead_times]
    errors: Errors = {}

    models = {name: build_model(checkpoints[name]).eval() for name in ("joint", "atmosphere")}
    for start in starts:
        for state in forecast(checkpoints["joint"], sources, start, last, model=models["joint"]):
            if state.lead_time in wanted:
                names = checkpoints["joint"].domains[state.domain].outputs
                note(errors, "joint", truths[state.domain], names, state)
        for way, persist in (("persisted", SEA), ("true", ())):
            made = forecast(
                checkpoints["atmosphere"],
                sources["atmosphere"],
                start,
                last,
                persist=persist,
                model=models["atmosphere"],
            )
            for state in made:
                if state.lead_time in wanted:
                    names = checkpoints["atmosphere"].domains["data"].outputs
                    note(errors, way, truths["atmosphere"], names, state)
        for lead in wanted:
            for truth in truths.values():
                for name in {*VARIABLES} & {*truth.source.variables}:
                    if name != "sst" or truth is truths["ocean"]:
                        errors.setdefault(("persistence", name, lead), []).append(
                            truth.error(truth.field(name, start), name, start + lead)
                        )

    def keep(described, state) -> None:
        if state.lead_time in wanted:
            component = "ocean" if "sst" in described.variables else "atmosphere"
            note(errors, "coupled", truths[component], described.variables, state)

    components = {
        name: Coupled(
            checkpoint=checkpoints[name], source=sources[name], destinations=[], forcings=HEARD[name]
        )
        for name in HEARD
    }
    for _ in Coupling(components, starts, given.interval, last).run(keep):
        pass

    print(f"{len(starts)} starts from {starts[0]} to {starts[-1]}")
    ways = ("joint", "coupled", "persisted", "true", "persistence")
    print(f"{'':6} {'':>5}", *(f"{way:>12}" for way in ways))
    for name in VARIABLES:
        for text, lead in zip(given.lead_times, wanted, strict=True):
            found = [errors.get((way, name, lead)) for way in ways]
            cells = [f"{np.mean(each):12.4g}" if each else f"{'':12}" for each in found]
            print(f"{name:6} {text:>5}", *cells)
            if name != "sst":
                better = sum(np.less(found[1], found[2]))
                print(f"{'':12} coupled better than persisted from {better} of {len(starts)} starts")


if __name__ == "__main__":
    main()
