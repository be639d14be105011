"""The checks of commands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
from click.testing import CliRunner

from ._check import Check, NotApplicableError, Subject, contract, require
from ._process import in_fresh_python

IS_ONE = ("is_a_command",)
HEAVY = ("torch", "zarr", "xarray", "matplotlib", "mlflow", "pandas")
"""Packages that take longer to import than anyone waits for a help text."""


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """A command, and those under it."""
    yield name, command
    if isinstance(command, click.Group):
        for child, found in command.commands.items():
            yield from _commands(found, f"{name} {child}")


def _run(command: click.Command, *arguments: str) -> Any:
    return CliRunner().invoke(command, list(arguments))


@contract()
def is_a_command(subject: Subject) -> None:
    """It is a click command."""
    require(isinstance(subject.component, click.Command), f"it is a {type(subject.component).__name__}")


@contract(after=IS_ONE)
def shows_its_help(subject: Subject) -> None:
    """``--help`` prints its usage, does nothing else, and exits with code 0."""
    result = _run(subject.component, "--help")
    require(result.exit_code == 0, f"it exits with code {result.exit_code}: {result.exception!r}")
    require("Usage:" in result.output, f"it prints {result.output[:200]!r}")


@contract(after=IS_ONE)
def says_what_it_does(subject: Subject) -> None:
    """It has a help text that says what it does, and so has each command under it."""
    silent = [
        name for name, one in _commands(subject.component, subject.name) if not (one.help or "").strip()
    ]
    require(not silent, f"there is no help text for {', '.join(silent)}")


@contract(after=IS_ONE)
def explains_its_options(subject: Subject) -> None:
    """Each option has a line of help."""
    silent = [
        f"{name} {parameter.opts[0]}"
        for name, command in _commands(subject.component, subject.name)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
    ]
    require(not silent, f"there is no help for {', '.join(silent)}")


@contract(after=IS_ONE)
def refuses_unknown_options(subject: Subject) -> None:
    """An option that it does not have is a mistake of the user's, with exit code 2."""
    for name, command in _commands(subject.component, subject.name):
        lenient = command.ignore_unknown_options or command.context_settings.get("ignore_unknown_options")
        require(not lenient, f"{name} takes options that it does not have")
        if isinstance(command, click.Group):
            continue
        # Parsed, not invoked: what it does is not to happen here.
        try:
            command.make_context(name, ["--no-such-option-as-this"])
        except click.UsageError as error:
            require(error.exit_code == 2, f"{name} exits with code {error.exit_code}")
        else:
            require(False, f"{name} takes --no-such-option-as-this")


@contract(after=(*IS_ONE, "shows_its_help"))
def imports_nothing_heavy(subject: Subject) -> None:
    """Its help is shown without importing what takes long, such as torch: that can wait for the work."""
    callbacks = [command.callback for _, command in _commands(subject.component, subject.name)]
    module = next((callback.__module__ for callback in callbacks if callback), None)
    result = in_fresh_python(f"import {module}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])")
    if result.returncode:
        raise NotApplicableError(f"its module {module} cannot be imported by itself")
    heavy = result.stdout.decode().split()
    require(not heavy, f"importing it imports {', '.join(heavy)}")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "command": (
        is_a_command,
        shows_its_help,
        says_what_it_does,
        explains_its_options,
        refuses_unknown_options,
        imports_nothing_heavy,
    )
}
