"""``anemoi plugins check``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from .. import _report as report


@click.command()
@click.argument("name")
@click.option(
    "--option",
    "-o",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option for the components that have it, such as path=DATA; as often as needed.",
)
@click.option(
    "--expect-failure",
    "expected",
    metavar="[KIND.[NAME.]]CHECK=REASON",
    multiple=True,
    help="A check that is known to fail, and why; as often as needed. If it passes, that is a failure.",
)
@click.option("--reader", metavar="SOURCE", help="The source that reads back what an output writes.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report to this file, in the JUnit format.",
)
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    given: tuple[str, ...],
    expected: tuple[str, ...],
    reader: str | None,
    as_json: bool,
    junit: Path | None,
) -> None:
    """Check whether NAME keeps the contract of its kind.

    NAME is a component, a distribution, or DISTRIBUTION:COMPONENT. The components are imported and run
    here. The exit code is 1 if any check fails.
    """
    results = report.results(
        name, report.parsed(given), expected_failures=report.reasons(expected), reader=reader
    )
    if junit is not None:
        report.write_junit(junit, results)
    click.echo(json.dumps([asdict(one) for one in results], indent=2) if as_json else report.text(results))
    if any(one.status == "fail" for one in results):
        ctx.exit(1)
