"""The command ``anemoi evaluate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from anemoi.core.cli.options import (
    available_device,
    computing_options,
    short_warnings,
    source_option,
    source_spec,
)

if TYPE_CHECKING:
    from ..verification import Verification


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@source_option
@click.option("--start", metavar="DATE", help="First date of the test period.  [default: after the training]")
@click.option("--end", metavar="DATE", help="Last date of the test period.  [default: that of the data]")
@click.option(
    "--lead-time", metavar="DURATION", default="48h", show_default=True, help="How far to forecast."
)
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write DIR/report.html, in a directory of its own.",
)
@click.option(
    "--map-date", metavar="DATE", help="Start of the forecast that is drawn.  [default: a typical one]"
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@click.option("--overwrite", is_flag=True, help="Replace a report that is there already.")
@computing_options
def command(
    checkpoint: Path,
    sources: tuple[str, ...],
    start: str | None,
    end: str | None,
    lead_time: str,
    report: Path | None,
    map_date: str | None,
    as_json: bool,
    overwrite: bool,
    device: str,
    trust_code: bool,
    allow_different_versions: bool,
) -> None:
    """Verify the forecasts of CHECKPOINT against the truth.

    A forecast is made from every date of the test period from which all its lead times lie within
    that period, and compared with the truth, with persistence (the state at the start, unchanged) and
    with climatology (the mean of the training period, for each time of day where that is long enough).
    The test period is, unless you say otherwise, all of the data after the training period.

    \b
    anemoi evaluate model.safetensors --report report
    anemoi evaluate model.safetensors --source /data/analysis.zarr --start 2026-01-01 --lead-time 5d --json
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    from anemoi.core.allocation import keep_freed_memory
    from anemoi.core.checkpoint import load
    from anemoi.core.config import build
    from anemoi.core.forecasting import forecast

    from ..result_file import ResultFile
    from ..verification import verify

    target = None if report is None else ResultFile(report / "report.html", overwrite=overwrite, alone=True)
    model = load(checkpoint)
    spec = source_spec(sources, model.configuration.get("data"))
    source = build("source", spec, trust_code=trust_code)
    how: dict[str, Any] = {
        "device": available_device(device),
        "trust_code": trust_code,
        "allow_different_versions": allow_different_versions,
    }
    keep_freed_memory()
    with short_warnings():
        result = verify(model, source, start=start, end=end, lead_time=lead_time, progress=_progress, **how)
        if target is not None:
            from ..report import render

            date = result.typical_start if map_date is None else map_date
            states = list(forecast(model, source, date, result.evaluation.lead_times[-1], **how))
            target.write(render(result, states).encode())
    if as_json:
        click.echo(json.dumps(_document(result), indent=2, allow_nan=False))
    else:
        _print(result)
    if target is not None:
        click.echo(f"Report: {target.path}", err=as_json)


def _progress(done: int, total: int) -> None:
    """Count the forecasts on one line of the terminal, and on nothing else."""
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} forecasts" if done < total else "\r\x1b[K", nl=False, err=True)


def _document(result: Verification) -> dict[str, Any]:
    from anemoi.core.documents import document
    from anemoi.core.times import format_date

    def period(start: Any, end: Any) -> dict[str, str]:
        return {"start": format_date(start), "end": format_date(end)}

    facts = {
        "checkpoint": result.checkpoint.identity,
        "data": result.source.provenance.get("identity"),
        "training_period": None
        if result.training is None
        else period(result.training.start, result.training.end),
        "test_period": period(result.period.start, result.period.end),
        "independent": result.is_independent,
        "climatology": {
            **period(result.climatology.start, result.climatology.end),
            "daily_cycle": result.climatology.has_daily_cycle,
        },
        "starts": [format_date(start) for start in result.evaluation.starts],
        "scores": result.evaluation.as_json(),
    }
    return document(facts, result.provenance)


def _print(result: Verification) -> None:
    from rich.console import Console

    from ..table import terminal_tables

    evaluation = result.evaluation
    console = Console(highlight=False)
    console.print(f"{len(evaluation.starts)} forecasts within {result.period}")
    if not result.is_independent:
        console.print(
            "The test period is not known to be apart from the training period.", style="bold yellow"
        )
    console.print(*terminal_tables(evaluation), sep="\n")
