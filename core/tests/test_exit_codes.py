"""The table of exit codes says what the errors and the command do."""

from __future__ import annotations

import errno
import inspect
import re
from pathlib import Path

import click
import pytest

from anemoi.core import errors
from anemoi.core.cli import main
from anemoi.core.cli.main import command

PAGE = Path(__file__).parents[2] / "docs" / "exit-codes.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the page is in the tree that core is split from")
def test_the_table_names_every_error_with_its_code():
    rows = [re.split(r" *\| *", line.strip("|\n ")) for line in PAGE.read_text().splitlines() if "|" in line]
    table = {
        name: int(row[0]) for row in rows if row[0].isdigit() for name in re.findall(r"`(\w+Error)`", row[-1])
    }
    found = {
        name: each.exit_code
        for name, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, errors.AnemoiError)
    }
    assert table == found
    assert {int(row[0]) for row in rows if row[0].isdigit()} >= {0, 1, 130, *found.values()}


class OutOfMemoryError(RuntimeError):
    """What torch raises for a GPU."""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (errors.DataError("It is wrong."), 4, "It is wrong."),
        (errors.NotThereError("No such date."), 3, "No such date."),
        (MemoryError(), 6, "none is left"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), 6, "Tried to allocate 2 GiB"),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: 9 bytes"
            ),
            6,
            "9 bytes",
        ),
        (OSError(28, "No space left on device", "/data/x"), 6, "/data/x: No space left on device"),
        (OSError(24, "Too many open files"), 6, "Too many open files"),
        (KeyboardInterrupt(), 130, "Interrupted"),
        (click.Abort(), 130, "Interrupted"),
        (click.UsageError("No such thing."), 2, "No such thing."),
    ],
)
def test_an_error_ends_the_command_with_its_code(monkeypatch, capsys, error, code, says):
    def fail(ctx):
        raise error

    monkeypatch.setattr(command, "invoke", fail)
    assert main(["plugins", "list"]) == code
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), PermissionError(13, "Permission denied")])
def test_what_nobody_expected_keeps_its_traceback(monkeypatch, error):
    def fail(ctx):
        raise error

    monkeypatch.setattr(command, "invoke", fail)
    with pytest.raises(type(error)):
        main(["plugins", "list"])


@pytest.mark.parametrize(
    ("number", "expected"),
    [("ENOENT", 2), ("EACCES", 2), ("EROFS", 2), ("ENOSPC", 6), ("EMFILE", 6), ("EPIPE", 4)],
)
def test_what_cannot_be_written_is_of_the_command_or_of_the_machine(number, expected):
    assert errors.ResourceError.kind(OSError(getattr(errno, number), "")).exit_code == expected
