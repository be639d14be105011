"""The command ``anemoi users``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..records import UserRecords

DATA = click.option("--data", metavar="DIR", help="The directory of everything that the server keeps.")
ROLE = click.Choice(["view", "run", "administrate"])


@click.group()
def command() -> None:
    """Say who may use a server, and give them tokens.

    \b
    anemoi users add ada --role administrate
    anemoi users token ada --lifetime 90d
    anemoi users list
    """  # noqa: D301 (click needs the \b, which a raw string has not)


@command.command()
@click.argument("name")
@click.option("--role", type=ROLE, default="run", show_default=True, help="What they may do.")
@DATA
def add(name: str, role: str, data: str | None) -> None:
    """Add a user, or change the role of one."""
    from ..access.roles import Role

    added = _users(data).put(name, Role[role.upper()])
    click.echo(f"{added.name} may {role}. A token to log in with: anemoi users token {added.name}")


@command.command("list")
@DATA
def list_(data: str | None) -> None:
    """List all users and their roles."""
    for user in _users(data).list():
        click.echo(f"{user.name}\t{user.role.name.lower()}")


@command.command()
@click.argument("name")
@DATA
def remove(name: str, data: str | None) -> None:
    """Remove a user with their tokens and schedules, and log them out. Their jobs stay."""
    ended = _users(data).remove(name)
    click.echo(f"{name} is removed.")
    for schedule in ended:
        click.echo(f"Their schedule {schedule} has ended.", err=True)


@command.command()
@click.argument("name")
@click.option("--label", default="", help="What it is for.")
@click.option(
    "--lifetime", default="90d", show_default=True, help="How long it is valid: 12h, 90d, unlimited."
)
@DATA
def token(name: str, label: str, lifetime: str, data: str | None) -> None:
    """Make a token, and print it this once."""
    from anemoi.core.times import parse_duration

    seconds = None if lifetime == "unlimited" else float(parse_duration(lifetime).astype(int))
    record, secret = _users(data).issue(name, label=label, lifetime=seconds)
    click.echo(secret)
    click.echo(f"Keep it: it is not shown again. To end it: anemoi users revoke {record.id}", err=True)


@command.command()
@click.argument("name", required=False)
@DATA
def tokens(name: str | None, data: str | None) -> None:
    """List tokens, of one user or of all, without what is secret."""
    import numpy as np
    from anemoi.core.printable import printable

    for each in _users(data).tokens(name):
        until = "unlimited" if each.expires is None else f"{np.datetime64(int(each.expires), 's')}Z"
        click.echo(printable(f"{each.id}\t{each.user}\t{until}\t{each.label}"))


@command.command()
@click.argument("identifier")
@DATA
def revoke(identifier: str, data: str | None) -> None:
    """End a token, and the sessions that began with it."""
    _users(data).revoke(identifier)
    click.echo(f"{identifier} is revoked.")


def _users(data: str | None) -> UserRecords:
    """The users of the server whose data directory it is, or of that which is configured."""
    import json

    from anemoi.core import config

    from ..services import Services
    from ..settings import Settings

    words = [] if data is None else [f"directory={json.dumps(data)}"]
    return Services.of(config.validate(config.compose("serve", words), Settings)).users
