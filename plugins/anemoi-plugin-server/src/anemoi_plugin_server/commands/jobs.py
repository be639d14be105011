"""The command ``anemoi jobs``: jobs of a server, from afar."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .asking import JSON, SERVER, client_of, described
from .schedules import command as schedule

if TYPE_CHECKING:
    from ..client import Client

_job = click.argument("job", metavar="ID")


@click.group()
def command() -> None:
    """Ask a server for forecasts, follow them, and fetch them.

    A server that wants to know who asks is shown the token in the environment variable ANEMOI_TOKEN, or the
    one that tokens.json in the directory ~/.config/anemoi has for it: {"https://host": "TOKEN"}.

    \b
    anemoi jobs submit forecast model=aifs start=2025-12-22T00 lead_time=72h
    anemoi jobs watch 0123456789abcdef0123456789abcdef
    anemoi jobs fetch 0123456789abcdef0123456789abcdef --output forecast
    """  # noqa: D301 (click needs the \b, which a raw string has not)


@command.command()
@click.argument("what", metavar="KIND|FILE.yaml")
@click.argument("options", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--watch", "watched", is_flag=True, help="Follow it to its end.")
@SERVER
@JSON
def submit(what: str, options: tuple[str, ...], watched: bool, server: str, as_json: bool) -> None:
    """Put a job in the queue of a server, and print its identifier.

    It is described by its kind and its options, or by a file with both (`kind: forecast`, and `options:`),
    which KEY=VALUE changes. The server checks everything before it takes the job.

    \b
    anemoi jobs submit forecast model=aifs start=2025-12-22T00 members=4
    anemoi jobs submit job.yaml start=2025-12-23T00 --watch
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    kind, given = described(what, options)
    with client_of(server) as client:
        job = client.submit(kind, **given)
        if not watched:
            click.echo(json.dumps(job, indent=2) if as_json else job["id"])
            return
        click.echo(job["id"], err=True)
        _follow(client, job["id"], as_json)


@command.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["queued", "running", "finished", "failed", "cancelled"]),
    help="Those in this state alone; may be repeated.",
)
@click.option("--owner", help="Those of this user alone.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@SERVER
@JSON
def list_(states: tuple[str, ...], owner: str | None, limit: int, server: str, as_json: bool) -> None:
    """List the jobs of a server, the newest first."""
    from itertools import islice

    from anemoi.core.cli.table import print_table
    from anemoi.core.printable import printable

    with client_of(server) as client:
        found = list(islice(client.list(states=states, owner=owner), limit))
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        rows = [(each["id"], each["kind"], each["owner"], each["state"], _progress(each)) for each in found]
        print_table(
            ("id", "kind", "owner", "state", "steps"), [[*map(printable, map(str, row))] for row in rows]
        )


@command.command()
@_job
@SERVER
@JSON
def watch(job: str, server: str, as_json: bool) -> None:
    """Follow a job to its end, and end as its command did: with the same error and the same exit code."""
    with client_of(server) as client:
        _follow(client, job, as_json)


@command.command()
@_job
@SERVER
@JSON
def cancel(job: str, server: str, as_json: bool) -> None:
    """Cancel a job that waits, or end one that runs."""
    with client_of(server) as client:
        found = client.cancel(job)
    click.echo(json.dumps(found, indent=2) if as_json else _state(found))


@command.command()
@_job
@click.option("--output", type=click.Path(path_type=Path), help="The directory to write in.  [default: ID]")
@SERVER
@JSON
def fetch(job: str, output: Path | None, server: str, as_json: bool) -> None:
    """Fetch the files of a finished job, each verified against its SHA-256.

    The same command again goes on where it was interrupted. A Zarr store is written as one; the page of the
    job has it in one file too, a zip.
    """
    with client_of(server) as client:
        paths = client.fetch(job, output or Path(job))
    if as_json:
        click.echo(json.dumps([str(path) for path in paths], indent=2))
    else:
        click.echo(f"{len(paths)} files in {output or job}")


command.add_command(schedule)


def _follow(client: Client, identifier: str, as_json: bool) -> None:
    """Print how a job goes on; raise the error that it ends with."""
    from ..client.answers import error_of

    for job in client.watch(identifier):
        click.echo(json.dumps(job) if as_json else _state(job))
    if job["state"] == "failed":
        raise error_of(job["error"])
    if job["state"] == "cancelled":
        raise KeyboardInterrupt


def _state(job: Mapping[str, Any]) -> str:
    left = job.get("remaining")
    told = [str(job["state"]), _progress(job), f"{left:.0f} s left" if left else ""]
    return "  ".join(filter(None, told))


def _progress(job: Mapping[str, Any]) -> str:
    return f"{job['done']}/{job['total']}" if job["total"] else ""
