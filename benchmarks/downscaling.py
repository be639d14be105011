"""How good a downscaler in time or in space is, beside linear interpolation.

    python benchmarks/downscaling.py CHECKPOINT [--start DATE] [--end DATE] [--every 24h]

CHECKPOINT is of ``objective=interpolator`` or ``objective=downscaler``, trained on data that hold the truth too. Root-mean-square
errors, by area, over all steps from ``--start`` to ``--end``, as a table in Markdown:

model
    What CHECKPOINT gives.
linear
    In time, the straight line between the states at both ends of the step; of what is accumulated too, though its value
    at either end is known of the last short period alone. In space, the coarse fields, linear in latitude and longitude.
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
    shape = source.field_shape
    assert shape is not None
    north, east = source.latitudes.reshape(shape)[:, 0], source.longitudes.reshape(shape)[0] % 360.0
    columns = np.argsort(east)
    around = np.concatenate([east[columns] + turn for turn in (-360.0, 0.0, 360.0)])
    field = np.tile(values.reshape(*shape, -1)[:, columns], (1, 3, 1))
    within = RegularGridInterpolator((-north, around), field)
    return np.asarray(within(np.stack([-target.latitudes, target.longitudes % 360.0], axis=-1)))


def scores(
    checkpoint: Checkpoint, starts: NDArray[np.datetime64]
) -> tuple[dict[tuple[str, int], NDArray[np.float64]], float]:
    """The errors by method and lead time in hours, ``(variable,)``, and the processor time of a step in seconds."""
    model, sources = build_model(checkpoint), sources_of(checkpoint)
    name = output_of(checkpoint)
    domain, steps, truth = checkpoint.domains[name], checkpoint.steps[name], sources[name]
    coarse = checkpoint.configuration["objective"].get("coarse")
    area = np.cos(np.deg2rad(domain.grid.latitudes))[:, None]
    squares: dict[tuple[str, int], list[NDArray[np.float64]]] = defaultdict(list)
    seconds = 0.0
    for start in starts:
        began = time.process_time()
        states = list(forecast(checkpoint, sources, start, steps.step, model=model))
        seconds += time.process_time() - began
        for state in states:
            at, share = start + state.lead_time, float(state.lead_time / steps.step)
            right = read(truth, at, domain.outputs)
            if coarse is None:
                first, last = (read(truth, end, domain.outputs) for end in (start, start + steps.step))
                line = (1.0 - share) * first + share * last
            else:
                given = sources[coarse]
                line = interpolated(read(given, at, domain.outputs), given.grid, domain.grid)
            known = np.isfinite(right) & np.isfinite(line)
            for who, values in (("model", state.fields[0]), ("linear", line)):
                error = np.where(known, values - right, 0.0) ** 2
                found = (area * error).sum(axis=0) / (area * known).sum(axis=0)
                squares[who, int(state.lead_time / HOUR)].append(found)
    return {key: np.sqrt(np.mean(each, axis=0)) for key, each in squares.items()}, seconds / len(starts)


def output_of(checkpoint: Checkpoint) -> str:
    """The domain that is made."""
    return next(name for name, domain in checkpoint.domains.items() if domain.outputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--start", default="2000-05-08T06")
    parser.add_argument("--end", default="2000-05-25T00")
    parser.add_argument("--every", default="12h")
    arguments = parser.parse_args()
    checkpoint = load(arguments.checkpoint)
    name = output_of(checkpoint)
    step = checkpoint.steps[name].step
    first, last = parse_date(arguments.start), parse_date(arguments.end)
    starts = np.arange(first, last - step + HOUR, parse_duration(arguments.every))
    found, seconds = scores(checkpoint, starts)
    hours = sorted({hour for _, hour in found})
    variables = checkpoint.domains[name].outputs
    print(f"| model / linear | {' | '.join(f'{hour} h' for hour in hours)} |")
    print(f"|---|{'---|' * len(hours)}")
    for place, variable in enumerate(variables):
        pairs = ((found["model", hour][place], found["linear", hour][place]) for hour in hours)
        # At the end of its step an interpolator, and the line, have what is known.
        cells = (f"{ours:.3g} / {theirs:.3g}" if theirs else "known" for ours, theirs in pairs)
        print(f"| `{variable}` | {' | '.join(cells)} |")
    for hour in hours:
        ours, theirs = found["model", hour], found["linear", hour]
        if theirs.all():
            better, ratio = (ours < theirs).sum(), (ours / theirs).mean()
            print(f"{hour} h: better in {better} of {len(variables)} variables, {ratio:.2f} of its error")
    print(f"{len(starts)} steps, {seconds:.3f} s of processor time each")


if __name__ == "__main__":
    main()
