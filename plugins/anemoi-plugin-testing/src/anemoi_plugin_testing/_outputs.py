"""The checks of outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final

import numpy as np
from anemoi.core.errors import DataError

from ._check import Check, Subject, contract, require
from ._forecasts import build, digest, misread, new_folder, place, reader_of, states, write
from ._killed import leaves_no_part_when_killed
from ._options import from_configuration, options_are_declared, require_options
from ._random_use import of_output

WRITES = ("builds", "leaves_a_whole_file")


class _CrashError(Exception):
    """What interrupts a forecast."""


@contextmanager
def _crashing() -> Iterator[None]:
    with suppress(_CrashError):
        yield
        raise _CrashError


@contract()
def builds(subject: Subject) -> None:
    """It is built from a path, a description and whether to overwrite, by name, and is a context manager."""
    require_options(subject)
    with new_folder() as folder, _crashing():
        output = build(subject, place(subject, folder))
        with output as entered:
            require(entered is output, f"entering it gives {entered!r}, not itself")
            raise _CrashError


@contract(after=("builds",))
def leaves_a_whole_file(subject: Subject) -> None:
    """Once all states are written something lies at the path, and nothing else beside it."""
    with new_folder() as folder:
        path = place(subject, folder)
        write(subject, path)
        require(path.exists(), "nothing lies at the path")
        others = [each.name for each in folder.iterdir() if each != path]
        require(not others, f"beside it lie {', '.join(others)}")


@contract(after=WRITES)
def is_read_back(subject: Subject) -> None:
    """A source reads back the times, the variables, the grid and the values, to 1/10000 of their range."""
    reader = reader_of(subject)
    with new_folder() as folder:
        path = place(subject, folder)
        write(subject, path)
        fault = misread(reader, path)
        require(not fault, fault)


@contract(after=WRITES)
def leaves_nothing_after_a_crash(subject: Subject) -> None:
    """An exception between two states leaves nothing, neither at the path nor beside it."""
    with new_folder() as folder:
        with _crashing(), build(subject, place(subject, folder)) as output:
            output.write(states()[0])
            raise _CrashError
        left = [each.name for each in folder.iterdir()]
        require(not left, f"there remain {', '.join(left)}")


@contract(after=WRITES)
def hides_what_is_not_whole(subject: Subject) -> None:
    """Until the last state is written, so if the power fails too, nothing lies at the path."""
    with new_folder() as folder:
        path = place(subject, folder)
        with build(subject, path) as output:
            for state in states():
                output.write(state)
                require(not path.exists(), f"at lead time {state.lead_time} something lies there already")


@contract(after=(*WRITES, "hides_what_is_not_whole"))
def refuses_a_part(subject: Subject) -> None:
    """If it is left before all states were written, without an exception, nothing lies at the path."""
    with new_folder() as folder:
        path = place(subject, folder)
        with suppress(DataError), build(subject, path) as output:
            output.write(states()[0])
        require(not path.exists(), "after one of three states, a file lies there")


@contract(after=WRITES)
def passes_errors_on(subject: Subject) -> None:
    """An exception within it goes on to whoever called."""
    with new_folder() as folder:
        try:
            with build(subject, place(subject, folder)):
                raise _CrashError
        except _CrashError:
            return
        require(False, "the exception is lost")


@contract(after=WRITES)
def refuses_to_overwrite(subject: Subject) -> None:
    """Where something lies at the path, it is a ``DataError`` to build it, and what lies there stays."""
    with new_folder() as folder:
        path = place(subject, folder)
        write(subject, path)
        before = digest(path)
        try:
            build(subject, path)
        except DataError:
            require(digest(path) == before, "it is refused, but what lay there was changed")
        else:
            require(False, "it is built without an error")


@contract(after=WRITES)
def overwrites_when_told(subject: Subject) -> None:
    """With ``overwrite`` the new forecast takes the place of the old one."""
    with new_folder() as folder:
        path = place(subject, folder)
        write(subject, path)
        before = digest(path)
        write(subject, path, overwrite=True, seed=1)
        require(path.exists() and digest(path) != before, "the old forecast still lies there")


@contract(after=(*WRITES, "overwrites_when_told"))
def keeps_the_old_until_the_new_is_whole(subject: Subject) -> None:
    """With ``overwrite``, a crash between two states leaves the old forecast as it was."""
    with new_folder() as folder:
        path = place(subject, folder)
        write(subject, path)
        before = digest(path)
        with _crashing(), build(subject, path, overwrite=True) as output:
            output.write(states(seed=1)[0])
            raise _CrashError
        require(path.exists(), "the old forecast is gone")
        require(digest(path) == before, "the old forecast was changed")


@contract(after=WRITES)
def says_at_once_that_it_cannot_write(subject: Subject) -> None:
    """Where the directory does not exist, it is a ``DataError`` to build it, before anything is computed."""
    with new_folder() as folder:
        try:
            build(subject, place(subject, folder / "absent"))
        except DataError:
            return
        require(False, "it is built without an error")


@contract(after=WRITES)
def leaves_states_alone(subject: Subject) -> None:
    """The fields of a state are the same after it was written as before."""
    with new_folder() as folder, _crashing(), build(subject, place(subject, folder)) as output:
        state, before = states()[0], states()[0]
        output.write(state)
        require(np.array_equal(state.fields, before.fields), "they were written to")
        raise _CrashError


@contract(after=WRITES)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build one that writes a file."""
    with new_folder() as folder:
        written = replace(subject, options=from_configuration(subject))
        write(written, place(subject, folder))
        require(place(subject, folder).exists(), "nothing lies at the path")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "output": (
        options_are_declared,
        builds,
        leaves_a_whole_file,
        is_read_back,
        leaves_nothing_after_a_crash,
        hides_what_is_not_whole,
        leaves_no_part_when_killed,
        refuses_a_part,
        passes_errors_on,
        refuses_to_overwrite,
        overwrites_when_told,
        keeps_the_old_until_the_new_is_whole,
        says_at_once_that_it_cannot_write,
        leaves_states_alone,
        options_survive_a_configuration,
        of_output(
            *WRITES,
            "is_read_back",
            "leaves_nothing_after_a_crash",
            "hides_what_is_not_whole",
            "leaves_no_part_when_killed",
            "refuses_a_part",
            "passes_errors_on",
            "refuses_to_overwrite",
            "overwrites_when_told",
            "keeps_the_old_until_the_new_is_whole",
            "says_at_once_that_it_cannot_write",
            "leaves_states_alone",
            "options_survive_a_configuration",
        ),
    )
}
