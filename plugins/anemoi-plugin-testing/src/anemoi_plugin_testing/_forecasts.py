"""A small forecast, to be told to hooks and to be written, and what lies there afterwards."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import PluginError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import ForecastDescription, Output, State
from anemoi.core.plugins import load

from ._check import NotApplicableError, Subject


def description() -> ForecastDescription:
    """What is known of the forecast before its first state."""
    latitude, longitude = np.meshgrid(np.linspace(75.0, -75.0, 6), np.arange(12) * 30.0, indexing="ij")
    return ForecastDescription(
        start=np.datetime64("2020-02-28T18", "s"),
        lead_times=np.arange(1, 4) * np.timedelta64(6 * 3600, "s"),
        members=2,
        variables=("t", "q"),
        grid=Grid(latitude.reshape(-1), longitude.reshape(-1), (6, 12)),
        units={"t": "K", "q": "kg kg**-1"},
        provenance={"identity": "sha256:00", "kind": "forecast", "parents": []},
        frequency=np.timedelta64(6 * 3600, "s"),
    )


def states(*, seed: int = 0) -> list[State]:
    """Its states, new arrays of the same random numbers every time."""
    forecast, random = description(), np.random.default_rng(seed)
    shape = (forecast.members, len(forecast.grid), len(forecast.variables))
    scale, offset = np.array([20.0, 1e-3]), np.array([280.0, 5e-3])
    return [
        State(forecast.start, lead_time, (random.normal(size=shape) * scale + offset).astype(np.float32))
        for lead_time in forecast.lead_times
    ]


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        yield Path(folder)


def place(subject: Subject, folder: Path) -> Path:
    """Where an output is told to write."""
    return folder / f"forecast.{subject.name}"


def build(subject: Subject, path: Path, *, overwrite: bool = False) -> Output:
    """The output, for the forecast."""
    output: Output = subject.build(path=str(path), forecast=description(), overwrite=overwrite)
    return output


def write(subject: Subject, path: Path, *, overwrite: bool = False, seed: int = 0) -> None:
    """Write the whole forecast."""
    with build(subject, path, overwrite=overwrite) as output:
        for state in states(seed=seed):
            output.write(state)


def digest(path: Path) -> str:
    """What identifies a file, or all the files of a directory."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    parts = [str(each.relative_to(path)).encode() + each.read_bytes() for each in files if each.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def reader_of(subject: Subject) -> Any:
    """The source that reads back what an output writes.

    Raises
    ------
    NotApplicableError
        If none is named, and none has the name of the output.
    """
    if isinstance(subject.reader, str):
        return load("source", subject.reader)
    if subject.reader is not None:
        return subject.reader
    try:
        return load("source", subject.name)
    except PluginError as error:
        raise NotApplicableError(
            f"no source {subject.name!r} is here to read it back; name a reader"
        ) from error


def misread(reader: Any, path: Path, *, seed: int = 0) -> str:
    """What a source does not read back as it was written; empty if nothing."""
    source: DataSource = reader(path=str(path))
    forecast = description()
    times = forecast.start + forecast.lead_times
    if not np.array_equal(source.times, times):
        return f"the times are {source.times}"
    if source.variables != forecast.variables:
        return f"the variables are {source.variables}"
    if not source.grid.matches(forecast.grid):
        return "the grid is another"
    read, written = source.read(times), np.stack([state.fields for state in states(seed=seed)])
    if read.shape != written.shape:
        return f"the values have shape {read.shape}, not {written.shape}"
    for index, name in enumerate(forecast.variables):
        error = np.abs(read[..., index] - written[..., index]).max() / np.ptp(written[..., index])
        if not error < 1e-4:
            return f"values of {name} differ by {error:.2g} of their range"
    return ""
