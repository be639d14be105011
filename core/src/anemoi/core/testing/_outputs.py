"""The checks of outputs."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import DataError, PluginError
from ..grid import Grid
from ..interfaces.data_source import DataSource
from ..interfaces.output import ForecastDescription, Output, State
from ..plugins import load
from ._check import Check, NotApplicableError, Subject, contract, require
from ._options import from_configuration, options_are_declared, require_options

WRITES = ("builds", "leaves_a_whole_file")


class _CrashError(Exception):
    """What interrupts a forecast."""


def _description() -> ForecastDescription:
    latitude, longitude = np.meshgrid(np.linspace(75.0, -75.0, 6), np.arange(12) * 30.0, indexing="ij")
    return ForecastDescription(
        start=np.datetime64("2020-02-28T18", "s"),
        lead_times=np.arange(1, 4) * np.timedelta64(6 * 3600, "s"),
        members=2,
        variables=("t", "q"),
        grid=Grid(latitude.reshape(-1), longitude.reshape(-1), (6, 12)),
        units={"t": "K", "q": "kg kg**-1"},
        provenance={"identity": "sha256:00", "kind": "forecast", "parents": []},
    )


def _states(description: ForecastDescription, *, seed: int = 0) -> list[State]:
    random = np.random.default_rng(seed)
    shape = (description.members, len(description.grid), len(description.variables))
    scale, offset = np.array([20.0, 1e-3]), np.array([280.0, 5e-3])
    return [
        State(description.start, lead_time, (random.normal(size=shape) * scale + offset).astype(np.float32))
        for lead_time in description.lead_times
    ]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        yield Path(folder)


def _place(subject: Subject, folder: Path) -> Path:
    return folder / f"forecast.{subject.name}"


def _open(subject: Subject, path: Path, *, overwrite: bool = False) -> Output:
    output: Output = subject.build(path=str(path), forecast=_description(), overwrite=overwrite)
    return output


def _write(subject: Subject, path: Path, *, overwrite: bool = False, seed: int = 0) -> None:
    with _open(subject, path, overwrite=overwrite) as output:
        for state in _states(_description(), seed=seed):
            output.write(state)


def _digest(path: Path) -> str:
    """What identifies a file, or all the files of a directory."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    parts = [str(each.relative_to(path)).encode() + each.read_bytes() for each in files if each.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


@contextmanager
def _crashing() -> Iterator[None]:
    with suppress(_CrashError):
        yield
        raise _CrashError


@contract()
def builds(subject: Subject) -> None:
    """It is built from a path, a description and whether to overwrite, by name, and is a context manager."""
    require_options(subject)
    with _folder() as folder, _crashing():
        output = _open(subject, _place(subject, folder))
        with output as entered:
            require(entered is output, f"entering it gives {entered!r}, not itself")
            raise _CrashError


@contract(after=("builds",))
def leaves_a_whole_file(subject: Subject) -> None:
    """Once all states are written something lies at the path, and nothing else beside it."""
    with _folder() as folder:
        path = _place(subject, folder)
        _write(subject, path)
        require(path.exists(), "nothing lies at the path")
        others = [each.name for each in folder.iterdir() if each != path]
        require(not others, f"beside it lie {', '.join(others)}")


@contract(after=WRITES)
def is_read_back(subject: Subject) -> None:
    """A source reads back the times, the variables, the grid and the values, to 1/10000 of their range."""
    reader = _reader(subject)
    description = _description()
    with _folder() as folder:
        path = _place(subject, folder)
        _write(subject, path)
        source: DataSource = reader(path=str(path))
        times = description.start + description.lead_times
        require(np.array_equal(source.times, times), f"the times are {source.times}")
        require(source.variables == description.variables, f"the variables are {source.variables}")
        require(source.grid.matches(description.grid), "the grid is another")
        read, written = source.read(times), np.stack([state.fields for state in _states(description)])
        require(read.shape == written.shape, f"the values have shape {read.shape}, not {written.shape}")
        for index, name in enumerate(description.variables):
            error = np.abs(read[..., index] - written[..., index]).max() / np.ptp(written[..., index])
            require(error < 1e-4, f"values of {name} differ by {error:.2g} of their range")


def _reader(subject: Subject) -> Any:
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


@contract(after=WRITES)
def leaves_nothing_after_a_crash(subject: Subject) -> None:
    """An exception between two states leaves nothing, neither at the path nor beside it."""
    with _folder() as folder:
        with _crashing(), _open(subject, _place(subject, folder)) as output:
            output.write(_states(_description())[0])
            raise _CrashError
        left = [each.name for each in folder.iterdir()]
        require(not left, f"there remain {', '.join(left)}")


@contract(after=WRITES)
def hides_what_is_not_whole(subject: Subject) -> None:
    """Until the last state is written, so if the power fails too, nothing lies at the path."""
    with _folder() as folder:
        path = _place(subject, folder)
        with _open(subject, path) as output:
            for state in _states(_description()):
                output.write(state)
                require(not path.exists(), f"at lead time {state.lead_time} something lies there already")


@contract(after=(*WRITES, "hides_what_is_not_whole"))
def refuses_a_part(subject: Subject) -> None:
    """If it is left before all states were written, without an exception, nothing lies at the path."""
    with _folder() as folder:
        path = _place(subject, folder)
        with suppress(DataError), _open(subject, path) as output:
            output.write(_states(_description())[0])
        require(not path.exists(), "after one of three states, a file lies there")


@contract(after=WRITES)
def passes_errors_on(subject: Subject) -> None:
    """An exception within it goes on to whoever called."""
    with _folder() as folder:
        try:
            with _open(subject, _place(subject, folder)):
                raise _CrashError
        except _CrashError:
            return
        require(False, "the exception is lost")


@contract(after=WRITES)
def refuses_to_overwrite(subject: Subject) -> None:
    """Where something lies at the path, it is a ``DataError`` to build it, and what lies there stays."""
    with _folder() as folder:
        path = _place(subject, folder)
        _write(subject, path)
        before = _digest(path)
        try:
            _open(subject, path)
        except DataError:
            require(_digest(path) == before, "it is refused, but what lay there was changed")
        else:
            require(False, "it is built without an error")


@contract(after=WRITES)
def overwrites_when_told(subject: Subject) -> None:
    """With ``overwrite`` the new forecast takes the place of the old one."""
    with _folder() as folder:
        path = _place(subject, folder)
        _write(subject, path)
        before = _digest(path)
        _write(subject, path, overwrite=True, seed=1)
        require(path.exists() and _digest(path) != before, "the old forecast still lies there")


@contract(after=(*WRITES, "overwrites_when_told"))
def keeps_the_old_until_the_new_is_whole(subject: Subject) -> None:
    """With ``overwrite``, a crash between two states leaves the old forecast as it was."""
    with _folder() as folder:
        path = _place(subject, folder)
        _write(subject, path)
        before = _digest(path)
        with _crashing(), _open(subject, path, overwrite=True) as output:
            output.write(_states(_description(), seed=1)[0])
            raise _CrashError
        require(path.exists(), "the old forecast is gone")
        require(_digest(path) == before, "the old forecast was changed")


@contract(after=WRITES)
def says_at_once_that_it_cannot_write(subject: Subject) -> None:
    """Where the directory does not exist, it is a ``DataError`` to build it, before anything is computed."""
    with _folder() as folder:
        try:
            _open(subject, _place(subject, folder / "absent"))
        except DataError:
            return
        require(False, "it is built without an error")


@contract(after=WRITES)
def leaves_states_alone(subject: Subject) -> None:
    """The fields of a state are the same after it was written as before."""
    with _folder() as folder, _crashing(), _open(subject, _place(subject, folder)) as output:
        state, before = _states(_description())[0], _states(_description())[0]
        output.write(state)
        require(np.array_equal(state.fields, before.fields), "they were written to")
        raise _CrashError


@contract(after=WRITES)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build one that writes a file."""
    with _folder() as folder:
        written = replace(subject, options=from_configuration(subject))
        _write(written, _place(subject, folder))
        require(_place(subject, folder).exists(), "nothing lies at the path")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "output": (
        options_are_declared,
        builds,
        leaves_a_whole_file,
        is_read_back,
        leaves_nothing_after_a_crash,
        hides_what_is_not_whole,
        refuses_a_part,
        passes_errors_on,
        refuses_to_overwrite,
        overwrites_when_told,
        keeps_the_old_until_the_new_is_whole,
        says_at_once_that_it_cannot_write,
        leaves_states_alone,
        options_survive_a_configuration,
    )
}
