"""How fast data sets are read, beside anemoi-datasets and beside the decoding of their chunks alone.

    python benchmarks/data.py [--points 10000 40000] [--variables 20 80] [--rounds 5] [--batch 4]
        [--workers 2] [--output runs/data] [--peer PYTHON]

PYTHON is that of an environment with anemoi-datasets 0.5.47 and torch 2.13.0:

    python -m venv benchmarks/peer/.venv-datasets
    benchmarks/peer/.venv-datasets/bin/pip install -r benchmarks/peer/datasets.txt

Each contender runs in a process of its own, taking turns in every round, on one data set that is compressed as
anemoi-datasets does it. A sample is three consecutive dates, in a batch that is a tensor
``(batch, time, ensemble, grid, variable)``: ours as ``anemoi train`` reads it, theirs as anemoi-training does,
turned to that order by each worker of a torch DataLoader. Ours comes in the order of the disk, so what is turned is
counted too: ``turned`` is ours, made contiguous by one thread. Dates are read eight at a time, one after the other:
ours by one call, theirs by the same loader. ``zarr`` and ``numcodecs`` only decode the chunks of those dates, with
the same loader. Seconds pass on the clock, and on the processors: on a machine that does other things, trust the
latter. Prints the medians of all rounds, and writes all numbers to ``data.json``.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

PEER = Path(__file__).parent / "peer" / ".venv-datasets" / "bin" / "python"
CONTENDERS = ("ours", "turned", "theirs", "zarr", "numcodecs")
OURS = CONTENDERS[:2]
LENGTH = 3
BLOCK = 8
SAMPLES = 1200
"""Drawn from the smallest data set, and so fewer of the larger ones that they take as long."""
BYTES = 150e6
"""Of the values of a data set, about."""


def spiral(points: int) -> Any:
    """A grid of this many points, as far from each other as they get."""
    from anemoi.core.grid import Grid

    golden = np.arange(points) * (np.pi * (3 - np.sqrt(5)))
    return Grid(np.rad2deg(np.arcsin(np.linspace(-0.999, 0.999, points))), np.rad2deg(golden) % 360)


def make(path: Path, grid: Any, variables: int, dates: int | None = None) -> int:
    """Write a data set whose values have 16 bits, as those of GRIB messages do; gives the number of dates."""
    from anemoi.core.moments import Moments
    from anemoi_plugin_zarr.store import create_group
    from anemoi_plugin_zarr.writer import describe
    from numcodecs import Blosc

    random = np.random.default_rng(0)
    points = len(grid)
    dates = dates or max(12, int(BYTES / (4 * points * variables)))
    latitudes, longitudes = np.deg2rad(grid.latitudes), np.deg2rad(grid.longitudes)
    waves = [np.sin(k * latitudes) * np.cos(k * longitudes) for k in range(1, 9)]
    group = create_group(path)
    shape = (dates, variables, 1, points)
    data = group.create_array(
        "data", shape=shape, chunks=(1, *shape[1:]), dtype="f4", fill_value=np.nan,
        compressors=Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE),
    )  # fmt: skip
    moments = Moments.none(variables)
    for date in range(dates):
        state = random.normal(size=(variables, len(waves))) @ waves
        state += 0.05 * random.normal(size=state.shape)
        state = (np.round(state * 2**12) / 2**12 * 10 + 280).astype("f4")[:, None]
        data[date] = state
        moments += Moments.of(state)
    times = np.datetime64("2000-01-01T00", "s") + np.arange(dates) * np.timedelta64(6, "h")
    describe(
        group, variables=[f"v{i}" for i in range(variables)], grid=grid, units={}, times=times,
        frequency=np.timedelta64(6, "h"), statistics=moments.statistics(), statistics_period=times[[0, -1]],
        attributes={"allow_nans": False, "uuid": str(path)},
    )  # fmt: skip
    return dates


def opened(contender: str, path: str) -> tuple[Callable[[int, int], Any], int]:
    """Open the data set: gives what reads dates from one position to another, and how many there are."""
    if contender in OURS:
        from anemoi_plugin_zarr import ZarrSource

        source = ZarrSource(path=path)
        return lambda first, last: source.read(source.times[first:last]), len(source.times)
    if contender == "theirs":
        from anemoi.datasets import open_dataset

        dataset = open_dataset(path)
        return lambda first, last: dataset[first:last].transpose(0, 2, 3, 1), len(dataset)
    import zarr

    data = zarr.open_group(path, mode="r")["data"]
    if contender == "zarr":
        return lambda first, last: [data[date] for date in range(first, last)], data.shape[0]
    from numcodecs import Blosc

    codec, shape = Blosc(), data.shape[1:]

    def decode(first: int, last: int) -> None:
        for date in range(first, last):
            out = np.empty(shape, dtype="f4")
            codec.decode(Path(path, "data", f"{date}.0.0.0").read_bytes(), out=out)

    return decode, data.shape[0]


def samples(contender: str, path: str, batch: int, workers: int, count: int) -> Iterator[Any]:
    """So many batches of samples in random order."""
    if contender in OURS:
        from anemoi.core.objectives import Rollout
        from anemoi_plugin_training.batches import batches
        from anemoi_plugin_training.domains import Data, outline
        from anemoi_plugin_training.samples import Samples
        from anemoi_plugin_training.settings import DomainSettings
        from anemoi_plugin_zarr import ZarrSource

        source = ZarrSource(path=path)
        steps = Rollout().steps({"data": source.frequency})
        domain = outline(source, DomainSettings(data={}, forcings=[]), steps["data"], {})
        every = Samples.within({"data": Data(source, source.times, domain)}, steps, count=LENGTH - 2)
        drawn = batches(every, batch_size=batch, seed=0, workers=0)
        return (states.states["data"] for states in itertools.islice(drawn, count))
    read, dates = opened(contender, path)
    starts = np.random.default_rng(0).integers(dates - LENGTH + 1, size=(count, batch))
    return loaded(read, LENGTH, starts.tolist(), workers)


def in_turn(contender: str, path: str, workers: int, count: int) -> Iterator[Any]:
    """So many batches of dates that follow each other."""
    import torch

    read, dates = opened(contender, path)
    starts = np.arange(count) * BLOCK % (dates - BLOCK + 1)
    if contender in OURS:
        return (torch.from_numpy(read(start, start + BLOCK)) for start in starts)
    return loaded(read, 1, (starts[:, None] + np.arange(BLOCK)).tolist(), workers)


def loaded(
    read: Callable[[int, int], Any], length: int, batches: list[list[int]], workers: int
) -> Iterator[Any]:
    """Batches of so many dates from each of these positions on, by a torch DataLoader."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Windows(Dataset[Any]):
        def __getitem__(self, first: int) -> Any:
            fields = read(first, first + length)
            return torch.from_numpy(fields) if isinstance(fields, np.ndarray) else 0

    return iter(DataLoader(Windows(), batch_sampler=batches, num_workers=workers))


def measure(contender: str, path: str, values: int, batch: int, workers: int) -> dict[str, Any]:
    """Measure one contender: seconds on the clock and on the processors, and megabytes."""
    import torch

    torch.set_num_threads(1)
    read, dates = opened(contender, path)  # and what is imported with the first use
    for date in range(dates):  # so that the files are in memory
        read(date, date + 1)
    before = _peak()
    result = {"open": _timed(lambda: opened(contender, path))}
    drawn = SAMPLES * 200_000 // values
    for what, size, made in (
        ("samples", batch, functools.partial(samples, contender, path, batch)),
        ("dates", BLOCK, functools.partial(in_turn, contender, path)),
    ):
        count = drawn * (1 if what == "samples" else LENGTH) // size
        coming = made(workers, 1 + count)
        next(coming)  # so that workers have started

        def all_of_them(coming: Iterator[torch.Tensor] = coming) -> None:
            for each in coming:
                if contender == "turned":
                    each.contiguous()

        result[what] = [seconds / count / size for seconds in _timed(all_of_them)]
    return {**result, "memory": [(_peak() - before) / 1e6] * 2}


def _timed(action: Callable[[], Any]) -> list[float]:
    clock, processors = time.perf_counter(), _processors()
    action()
    return [time.perf_counter() - clock, _processors() - processors]


def _processors() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak() -> float:
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Make the data sets, let all contenders read them in turns, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[10_000, 40_000])
    parser.add_argument("--variables", type=int, nargs="+", default=[20, 80])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("runs/data"))
    parser.add_argument("--peer", type=Path, default=PEER)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        print(json.dumps(measure(*chosen.measure[:2], int(chosen.measure[2]), chosen.batch, chosen.workers)))
        return
    if not chosen.peer.exists():
        sys.exit(f"{chosen.peer} is not there: see --help for how to make it.")
    results: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for points in chosen.points:
        for variables in chosen.variables:
            with tempfile.TemporaryDirectory() as directory:
                path = Path(directory, "benchmark.zarr")
                dates = make(path, spiral(points), variables)
                rounds: dict[str, list[dict[str, Any]]] = {contender: [] for contender in CONTENDERS}
                for _ in range(chosen.rounds):
                    for contender, measured in rounds.items():
                        python = chosen.peer if contender == "theirs" else sys.executable
                        arguments = ["--measure", contender, path, points * variables]
                        arguments += ["--batch", chosen.batch, "--workers", chosen.workers]
                        run = [str(python), __file__, *map(str, arguments)]
                        quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
                        done = subprocess.run(run, check=True, capture_output=True, text=True, env=quiet)
                        measured.append(json.loads(done.stdout.splitlines()[-1]))
            name = f"{points} points, {variables} variables, {dates} dates"
            results[name] = rounds
            report(name, rounds)
            chosen.output.mkdir(parents=True, exist_ok=True)
            (chosen.output / "data.json").write_text(json.dumps(results, indent=1))


def report(name: str, rounds: dict[str, list[dict[str, Any]]]) -> None:
    """Print the medians, and the medians of the ratios in each round."""
    print(f"\n{name}; on the clock | on the processors")
    rows = {"samples/s": ("samples", True), "dates/s": ("dates", True), "open, ms": ("open", False)}
    for label, (key, rate) in rows.items():
        cells = []
        for clock in (0, 1):
            values = {
                who: [1 / one[key][clock] if rate else 1e3 * one[key][clock] for one in measured]
                for who, measured in rounds.items()
            }
            cells.append("  ".join(f"{who} {statistics.median(each):8.1f}" for who, each in values.items()))
            ours = values["ours"]
            ratios = [
                f"/{who} {statistics.median(a / b for a, b in zip(ours, values[who], strict=True)):.2f}"
                for who in CONTENDERS[1:]
            ]
            cells[-1] += f"  ours {' '.join(ratios)}"
        print(f"  {label:10} {cells[0]}\n  {'':10} {cells[1]}")
    memory = {who: statistics.median(one["memory"][0] for one in each) for who, each in rounds.items()}
    print("  memory, MB " + "  ".join(f"{who} {value:8.1f}" for who, value in memory.items()))


if __name__ == "__main__":
    main()
