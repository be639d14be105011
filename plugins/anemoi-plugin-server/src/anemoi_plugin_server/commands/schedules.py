"""The command ``anemoi jobs schedule``: jobs at set times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from .asking import JSON, SERVER, client_of, described

_schedule = click.argument("schedule", metavar="ID")


@click.group("schedule")
def command() -> None:
    """Have a server make the same job again and again, at set times.

    \b
    anemoi jobs schedule add forecast model=aifs start={date} source=analysis --cron '0 0,12 * * *'
    anemoi jobs schedule list
    anemoi jobs schedule pause 0123456789abcdef0123456789abcdef
    """  # noqa: D301 (click needs the \b, which a raw string has not)


@command.command()
@click.argument("what", metavar="KIND|FILE.yaml")
@click.argument("options", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--cron",
    required=True,
    metavar="TIMES",
    help="When: minute, hour, day, month and day of the week, UTC.",
)
@click.option(
    "--patience", default="12h", show_default=True, help="How long a run waits until its data are there."
)
@SERVER
@JSON
def add(what: str, options: tuple[str, ...], cron: str, patience: str, server: str, as_json: bool) -> None:
    """Have a job made at set times, and print the identifier of the schedule.

    The job is described as for `anemoi jobs submit`. {date} in its options is the time of each run; in a
    file it stands in quotes: "{date}".

    \b
    anemoi jobs schedule add forecast model=aifs start={date} source=analysis --cron '0 0,12 * * *'
    anemoi jobs schedule add job.yaml --cron '30 6 * * 1' --patience 2d
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    kind, given = described(what, options)
    with client_of(server) as client:
        made = client.schedule(kind, given, cron=cron, patience=patience)
    click.echo(json.dumps(made, indent=2) if as_json else made["id"])


@command.command("list")
@SERVER
@JSON
def list_(server: str, as_json: bool) -> None:
    """List schedules: when each comes next, and what became of its last time."""
    from anemoi.core.cli.table import print_table
    from anemoi.core.printable import printable

    with client_of(server) as client:
        found = client.schedules()
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif found:
        rows = [
            (each["id"], each["kind"], each["owner"], each["cron"], _next(each), _last(each))
            for each in found
        ]
        print_table(
            ("id", "kind", "owner", "times", "next", "last"),
            [[*map(printable, map(str, row))] for row in rows],
        )


@command.command()
@_schedule
@SERVER
def pause(schedule: str, server: str) -> None:
    """Let a schedule rest: no further times come until it is resumed."""
    with client_of(server) as client:
        client.pause_schedule(schedule)
    click.echo("paused")


@command.command()
@_schedule
@SERVER
def resume(schedule: str, server: str) -> None:
    """Let the times of a schedule come again, from now on."""
    with client_of(server) as client:
        click.echo(f"next: {_next(client.resume_schedule(schedule))}")


@command.command()
@_schedule
@SERVER
def remove(schedule: str, server: str) -> None:
    """Remove a schedule. Its jobs stay."""
    with client_of(server) as client:
        client.remove_schedule(schedule)
    click.echo(f"{schedule} is removed.")


def _next(schedule: Mapping[str, Any]) -> str:
    return _time(schedule["next"]) if schedule["enabled"] else "paused"


def _last(schedule: Mapping[str, Any]) -> str:
    """The last time, and what became of it: the job, or why there is none."""
    if not schedule["runs"]:
        return ""
    run = schedule["runs"][0]
    told = run["job"] or (run["error"] or {}).get("what", "")
    return f"{_time(run['time'])} {run['state']} {told}".rstrip()


def _time(seconds: float) -> str:
    import numpy as np
    from anemoi.core.times import format_date

    return format_date(np.datetime64(int(seconds), "s"))
