"""What commands that ask a server have in common: which one, how answers are printed, what a job is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..client import Client

SERVER = click.option(
    "--server",
    envvar="ANEMOI_SERVER",
    default="http://127.0.0.1:8080",
    show_default=True,
    show_envvar=True,
    metavar="URL",
    help="The address of the server.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def client_of(server: str) -> Client:
    """A client of a server, with the token that is kept for it."""
    from ..client import Client, token_for

    return Client(server, token_for(server))


def described(what: str, words: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """The kind and the options of the job that a command line describes: KIND or FILE.yaml, and KEY=VALUE.

    Raises
    ------
    ConfigError
        If it describes none.
    """
    from anemoi.core.errors import ConfigError

    options: dict[str, Any] = {}
    kind = what
    if what.endswith((".yaml", ".yml")):
        kind, options = _of_file(Path(what))
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ConfigError(f"{word} is not KEY=VALUE.", fix="As in lead_time=72h or members=4.")
        options[key] = _value(key, value)
    return kind, options


def _value(key: str, text: str) -> Any:
    """A value in YAML; ``{date}``, which would be a mapping there, is the time of a run of a schedule."""
    from anemoi.core.config.files import read_value

    from ..schedules import DATE

    return text if text == DATE else read_value(text, of=key)


def _of_file(path: Path) -> tuple[str, dict[str, Any]]:
    from anemoi.core.config.files import read_file
    from anemoi.core.errors import ConfigError

    found = read_file(path).values
    options = found.get("options") or {}
    if set(found) - {"kind", "options"} or "kind" not in found or not isinstance(options, Mapping):
        raise ConfigError(f"{path} describes no job.", fix="Write `kind: forecast`, and `options:` below it.")
    return str(found["kind"]), dict(options)
