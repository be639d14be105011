"""The command ``anemoi``: its commands, the core's and the plugins', are imported when they are invoked."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from ..commands import CORE_COMMANDS
from ..errors import AnemoiError
from .groups import OpenGroup


class Anemoi(OpenGroup):
    """The whole: the core's commands are known by name and help line, and imported when they are invoked."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See :meth:`.OpenGroup.list_commands`."""
        return sorted({*CORE_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See :meth:`.OpenGroup.get_command`."""
        if cmd_name in CORE_COMMANDS:
            command: click.Command = import_module(CORE_COMMANDS[cmd_name][0]).command
            return command
        return super().get_command(ctx, cmd_name)

    def own_lines(self, ctx: click.Context) -> list[tuple[str, str]]:
        """See :meth:`.OpenGroup.own_lines`."""
        return [(name, line) for name, (_, line) in CORE_COMMANDS.items()]

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; what it returns is no exit code."""
        super().invoke(ctx)


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
