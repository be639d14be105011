"""The command ``anemoi``: its commands, the core's and the plugins', are imported when they are invoked."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from ..errors import AnemoiError, PluginError
from .commands import CORE_COMMANDS


class Anemoi(click.Group):
    """A group of commands that knows their names and help lines without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands; those of plugins only if no list of blocked plugins is unreadable."""
        try:
            return sorted({*CORE_COMMANDS, *(name for name, _ in _plugin_commands())})
        except AnemoiError:
            return sorted(CORE_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        from ..plugins import load

        if cmd_name in CORE_COMMANDS:
            command: click.Command = import_module(CORE_COMMANDS[cmd_name][0]).command
            return command
        try:
            found: click.Command = load("command", cmd_name)
            return found
        except PluginError as error:
            if ctx.resilient_parsing:  # The shell is completing a line: a plugin must not disturb it.
                return None
            raise _unknown(cmd_name) or error from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help line of every command, of the core's first."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in CORE_COMMANDS.items()])
        try:
            rows = _plugin_commands()
        except AnemoiError as error:
            formatter.write_paragraph()
            formatter.write_text(f"The commands of plugins cannot be listed. {error}")
            return
        if rows:
            with formatter.section("Commands of the plugins installed here"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it returns is no exit code."""
        super().invoke(ctx)


def _plugin_commands() -> list[tuple[str, str]]:
    """The commands of plugins that can be tried, and their help lines."""
    from ..plugins import components
    from ..plugins._describe import describe

    rows = []
    for component in components("command"):
        if component.state == "ok":
            rows.append((component.name, describe(component)))
        elif component.state == "conflict":
            rows.append((component.full_name, describe(component)))
        elif component.state != "blocked":
            rows.append((component.name, f"({component.state}: see anemoi plugins why {component.name})"))
    return rows


def _unknown(name: str) -> AnemoiError | None:
    """The error for a command that nothing is called, with the core's commands among the suggestions."""
    from ..plugins._catalogue import known, provider
    from ..plugins._load import matching, suggestion

    if matching("command", name) or ":" in name or provider("command", name):
        return None
    installed = {*CORE_COMMANDS, *(command for command, _ in _plugin_commands())}
    nearest = suggestion(name, installed, known("command"))
    return AnemoiError(f"There is no command {name!r}.", fix=nearest or "To see what there is: anemoi --help")


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.ensure_object(dict)["debug"] = value


@click.group(cls=Anemoi, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "--version", package_name="anemoi-core", message="anemoi %(version)s")
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show where in the code an error arose.",
)
def command() -> None:
    """Build, train and run data-driven weather forecasts out of independent plugins.

    To begin: `anemoi train` trains a small model on sample data, `anemoi forecast` runs it, and
    `anemoi evaluate` says how good it is. `anemoi COMMAND --help` explains a command.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code.

    Zero where all went well, 2 where the input was wrong, 130 where the user interrupted, 1 where
    something else failed or a check found a fault.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A name that the terminal cannot show must not stop a list.
            stream.reconfigure(errors="backslashreplace")
    settings: dict[str, Any] = {"debug": False}
    try:
        code = command.main(
            None if arguments is None else list(arguments),
            prog_name="anemoi",
            standalone_mode=False,
            obj=settings,
        )
        sys.stdout.flush()
        return int(code or 0)
    except AnemoiError as error:
        if settings["debug"]:
            raise
        click.echo(f"Error: {error}", err=True)
        return error.exit_code
    except click.ClickException as error:
        if settings["debug"]:
            raise
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:  # Whoever read our output has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
