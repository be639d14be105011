"""The command ``anemoi server``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..settings import Settings

DATA = click.option("--data", metavar="DIR", help="The directory of everything that the server keeps.")


@click.group()
def command() -> None:
    """Look after what a server keeps.

    \b
    anemoi server backup /backup/monday --data /data/server
    anemoi server restore /backup/monday --data /data/server
    """  # noqa: D301 (click needs the \b, which a raw string has not)


@command.command()
@click.argument("destination")
@DATA
def backup(destination: str, data: str | None) -> None:
    """Copy all that a server keeps into a new directory, while it serves."""
    from pathlib import Path

    from anemoi.core.errors import DataError

    from ..operations.backup import backup as copy

    made = copy(_settings(data), Path(destination))
    click.echo(f"{destination}: {len(made.files)} files and {len(made.results)} results.")
    if not made.database:
        click.echo("The database is not in it: copy that of PostgreSQL with pg_dump, just before.", err=True)
    if made.damaged:
        raise DataError("\n".join(["These results are damaged, and not in it:", *made.damaged]))


@command.command()
@click.argument("source")
@DATA
def restore(source: str, data: str | None) -> None:
    """Make the data directory of a server from a backup. It must not be there yet, or be empty."""
    from pathlib import Path

    from ..operations.backup import restore as copy

    place = _settings(data).place
    made = copy(Path(source), place)
    click.echo(f"{place}: {len(made.files)} files and {len(made.results)} results, all as they were.")
    if not made.database:
        click.echo("The database is not among them: restore that of PostgreSQL with pg_restore.", err=True)


def _settings(data: str | None) -> Settings:
    import json

    from anemoi.core import config

    from ..settings import Settings

    words = [] if data is None else [f"directory={json.dumps(data)}"]
    return config.validate(config.compose("serve", words), Settings)
