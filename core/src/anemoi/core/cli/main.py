"""The command ``anemoi``: its commands, the core's and the plugins', are imported when they are invoked."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from ..commands import CORE_COMMANDS
from ..errors import AnemoiError, PluginError, ResourceError
from ..printable import printable
from ..secrets import masked
from .groups import OpenGroup

if TYPE_CHECKING:
    import importlib_metadata

_NO_MEMORY = "can't allocate memory"


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

    Zero where all went well, the code of the error where one was told (docs/exit-codes.md), 130 where it was
    interrupted, 1 where something else failed or a check found a fault.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A name that the terminal cannot show must not stop a list.
            stream.reconfigure(errors="backslashreplace")
    settings: dict[str, Any] = {"debug": False}
    try:
        with _terminated_as_interrupted():
            code = command.main(
                None if arguments is None else list(arguments),
                prog_name="anemoi",
                standalone_mode=False,
                obj=settings,
            )
        sys.stdout.flush()
        return int(code or 0)
    except BrokenPipeError:  # Whoever read our output has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except click.ClickException as error:
        if settings["debug"]:
            raise
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except (AnemoiError, MemoryError, OSError, RuntimeError, UnicodeDecodeError) as error:
        told = error if isinstance(error, AnemoiError) else _undecodable(error) or _exhausted(error)
        if settings["debug"] or told is None:
            raise
        click.echo(f"Error: {printable(masked(str(told)))}", err=True)
        return told.exit_code


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does, so that it clears away what is not whole."""
    main_thread = threading.current_thread() is threading.main_thread()
    if not main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def interrupt(number: int, frame: object) -> None:
        if os.getpid() != process:  # a process forked from this one, which has nothing to clear away
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _undecodable(error: Exception) -> AnemoiError | None:
    """What an error says of a distribution whose entry points cannot be read; None if of something else.

    Libraries that have plugins of their own, such as pydantic, read those of every distribution.
    """
    if not isinstance(error, UnicodeDecodeError):
        return None
    import importlib_metadata

    for distribution in importlib_metadata.Distribution.discover():
        if _holds(distribution, error.object):
            place = getattr(distribution, "_path", "A distribution")
            return PluginError(
                f"{place} cannot be read: byte {error.start} of its entry_points.txt is not UTF-8.",
                fix="Install that distribution anew, or uninstall it.",
            )
    return None


def _holds(distribution: importlib_metadata.Distribution, undecodable: bytes) -> bool:
    try:
        distribution.read_text("entry_points.txt")
    except UnicodeDecodeError as error:
        return error.object == undecodable
    except OSError:
        pass
    return False


def _exhausted(error: Exception) -> ResourceError | None:
    """What an error says of memory, disk and open files that do not suffice; None if of something else."""
    # torch, which must not be imported for this, has an error for GPUs, and for CPUs a text alone.
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or _NO_MEMORY in str(error)
    ):
        return ResourceError(
            f"The memory does not suffice: {str(error).splitlines()[0] if str(error) else 'none is left'}.",
            fix="Ask for less at once (fewer members, a smaller grid), or choose a machine with more.",
        )
    if isinstance(error, OSError) and ResourceError.kind(error) is ResourceError:
        name = f"{error.filename}: " if error.filename else ""
        return ResourceError(f"{name}{error.strerror}.", fix="Make room, or choose another place to write.")
    return None
