"""How good a downscaler in time or in space is, beside linear interpolation.

    python benchmarks/downscaling.py CHECKPOINT [--start DATE] [--end DATE] [--every 24h]

CHECKPOINT is of ``objective=interpolator`` or ``objective=downscaler``, trained on data that hold the truth too. Root-mean-square
errors, by area, over all steps from ``--start`` to ``--end``, as a table in Markdown:

model
    What CHECKPOINT gives.
linear
    In time, the straight line between the known states, of which a diagnostic variable has none, so that the later
    known value stands for it. In space, the coarse fields, linear in latitude and in longitude.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from anemoi.core import config, forecast
from anemoi.core.checkpoint import Checkpoint, build_model, load
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi.core.times import parse_date, parse_duration
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

HOUR = np.timedelta64(3600, "s")


def sources_of(checkpoint: Checkpoint) -> dict[str, DataSource]:
    """The data of the training, by domain."""
    settings = checkpoint.configuration
    specs = {name: own["data"] for name, own in settings["domains"].items()} or {"data": settings["data"]}
    return {name: config.build("source", spec) for name, spec in specs.items()}


def read(source: DataSource, at: np.datetime64, names: tuple[str, ...]) -> NDArray[np.float64]:
    """Some variables at one time, ``(grid, variable)``."""
    columns = [source.variables.index(name) for name in names]
    return source.read([at])[0, 0][:, columns].astype(np.float64)


def interpolated(values: NDArray[np.float64], source: Grid, target: Grid) -> NDArray[np.float64]:
    """Interpolate from rows and columns, linearly in latitude and longitude."""
    axes = source.axes
    assert axes is not None
    north, east = axes
    field = values.reshape(len(north), len(east), -1)
    if east[-1] - east[0] + (east[1] - east[0]) > 359.0:
        field, east = np.concatenate([field, field[:, :1]], axis=1), np.append(east, east[0] + 360.0)
    within = RegularGridInterpolator((-north, east), field)
    return np.asarray(
        within(np.stack([-target.latitudes, (target.longitudes - east[0]) % 360.0 + east[0]], axis=-1))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", default="2000-05-08T06")
    parser.add_argument("--end")
    parser.add_argument("--every", default="24h")
    arguments = parser.parse_args()
    checkpoint = load(arguments.checkpoint)
    model, sources = build_model(checkpoint), sources_of(checkpoint)
    name = next(name for name, domain in checkpoint.domains.items() if domain.outputs)
    domain, steps, truth = checkpoint.domains[name], checkpoint.steps[name], sources[name]
    coarse = checkpoint.configuration["objective"].get("coarse")
    area = np.cos(np.deg2rad(domain.grid.latitudes))[:, None]

    squares: dict[tuple[str, int], list[NDArray[np.float64]]] = defaultdict(list)
    seconds = 0.0
    last = truth.times[-1] if arguments.end is None else parse_date(arguments.end)
    starts = np.arange(parse_date(arguments.start), last - steps.step + HOUR, parse_duration(arguments.every))
    for start in starts:
        ends = [read(truth, time, domain.outputs) for time in (start, start + steps.step)]
        began = time.process_time()
        states = list(forecast(checkpoint, sources, start, steps.step, model=model))
        seconds += time.process_time() - began
        for state in states:
            at, hours = start + state.lead_time, int(state.lead_time / HOUR)
            right = read(truth, at, domain.outputs)
            if coarse is None:
                share = float(state.lead_time / steps.step)
                line = (1.0 - share) * ends[0] + share * ends[1]
                columns = [domain.outputs.index(each) for each in domain.diagnostic]
                line[:, columns] = ends[1][:, columns]
            else:
                line = interpolated(
                    read(sources[coarse], at, domain.outputs), sources[coarse].grid, domain.grid
                )
            known = np.isfinite(right) & np.isfinite(line)
            for who, values in (("model", state.fields[0]), ("linear", line)):
                error = np.where(known, values - right, 0.0) ** 2
                squares[who, hours].append((area * error).sum(axis=0) / (area * known).sum(axis=0))

    hours = sorted({hour for _, hour in squares})
    found = {key: np.sqrt(np.mean(each, axis=0)) for key, each in squares.items()}
    print(f"| model / linear | {' | '.join(f'{hour} h' for hour in hours)} |")
    print(f"|---|{'---|' * len(hours)}")
    for place, variable in enumerate(domain.outputs):
        pairs = [(found["model", hour][place], found["linear", hour][place]) for hour in hours]
        cells = " | ".join(f"{ours:.3g} / {theirs:.3g}" for ours, theirs in pairs)
        print(f"| `{variable}` | {cells} |")
    for hour in hours:
        share = found["model", hour] / np.maximum(found["linear", hour], 1e-30)
        better = (found["model", hour] < found["linear", hour]).sum()
        print(
            f"{hour} h: better in {better} of {len(domain.outputs)} variables, mean ratio {np.nanmean(share):.3f}"
        )
    print(f"{len(starts)} steps from {starts[0]}, {seconds / len(starts):.2f} s of processor time each")


if __name__ == "__main__":
    main()
