"""The command ``anemoi evaluate``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from anemoi.core.cli.event_log import EventLog
from anemoi.core.cli.options import (
    available_device,
    check_lock,
    check_sources,
    component_spec,
    computing_options,
    dask_options,
    log_option,
    short_warnings,
    source_option,
    source_specs,
    start_options,
    trained_on,
)

if TYPE_CHECKING:
    from anemoi.core.interfaces.data_source import DataSource

    from ..verification import Verification, VerifiedDomain

STANDARD = ("rmse", "acc", "bias")
OF_ENSEMBLES = ("crps", "spread", "spread-skill", "rank-histogram", "brier")


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@source_option
@click.option("--start", metavar="DATE", help="First date of the test period.  [default: after the training]")
@click.option("--end", metavar="DATE", help="Last date of the test period.  [default: that of the data]")
@click.option(
    "--lead-time", metavar="DURATION", default="48h", show_default=True, help="How far to forecast."
)
@click.option(
    "--metric",
    "names",
    metavar="NAME",
    multiple=True,
    help="A score to compute; may be repeated. The root-mean-square error always is.  [default: rmse, acc, "
    "bias; of several members crps, spread, spread-skill, rank-histogram and brier too]",
)
@click.option(
    "--metric-option",
    "options",
    metavar="METRIC.KEY=VALUE",
    multiple=True,
    help="An option of a metric: crps.fair=true; may be repeated.",
)
@click.option(
    "--area",
    metavar="N/W/S/E",
    help="Score the cells between these latitudes and longitudes alone: 70/-60/25/45.  [default: all]",
)
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="How many ensemble members."
)
@click.option(
    "--perturb",
    metavar="NAME|{name: NAME, OPTION: VALUE}",
    help="What gives each member but the first an initial state of its own.",
)
@click.option(
    "--lagged",
    type=click.IntRange(min=2),
    metavar="N",
    help="Score a lagged ensemble too: the forecasts from the last N starts, one step apart.",
)
@start_options
@click.option(
    "--climatology",
    "past",
    multiple=True,
    metavar="NAME|PATH|KEY=VALUE",
    help="Data that climatology is the mean of, as for --source.  [default: those of --source in the "
    "training period]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of random numbers.")
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write DIR/report.html, in a directory of its own.",
)
@click.option(
    "--map-date", metavar="DATE", help="Start of the forecast that is drawn.  [default: a typical one]"
)
@click.option(
    "--scores", metavar="FILE.json", type=click.Path(path_type=Path), help="Write the scores as JSON to FILE."
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
@log_option
@dask_options("Make and score forecasts from several dates at once,")
@click.option("--overwrite", is_flag=True, help="Replace a report, and scores, that are there already.")
@computing_options
def command(log: IO[str] | None, **given: Any) -> None:
    """Verify the forecasts of CHECKPOINT against the truth.

    A forecast is made from every date of the test period from which all its lead times lie within
    that period, and compared with the truth, with persistence (the state at the start, unchanged) and
    with climatology (the mean of the training period, for each time of day where that is long enough); that
    of several members also with an ensemble of states of that period.
    Where the data have nothing of that period, climatology is left out, unless --climatology names other
    data. The test period is, unless you say otherwise, all of the data after the training period. A model of
    several domains is verified in each; say --source DOMAIN.KEY=VALUE to change the data of one.

    \b
    anemoi evaluate model.safetensors --report report
    anemoi evaluate ensemble.safetensors --members 8 --lagged 4 --report report
    anemoi evaluate model.safetensors --source /data/analysis.zarr --start 2026-01-01 --lead-time 5d --json
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    events = EventLog(log)
    with events.failures():
        _evaluate(events, **given)


def _evaluate(
    events: EventLog,
    checkpoint: Path,
    sources: tuple[str, ...],
    start: str | None,
    end: str | None,
    lead_time: str,
    names: tuple[str, ...],
    options: tuple[str, ...],
    area: str | None,
    members: int,
    perturb: str | None,
    lagged: int | None,
    persist: tuple[str, ...],
    past: tuple[str, ...],
    limit: float,
    allow_unusual: tuple[str, ...],
    seed: int,
    report: Path | None,
    map_date: str | None,
    scores: Path | None,
    as_json: bool,
    dask: bool,
    dask_scheduler: str | None,
    overwrite: bool,
    device: str,
    trust_code: bool,
    allow_different_versions: bool,
) -> None:
    from anemoi.core.allocation import keep_freed_memory
    from anemoi.core.checkpoint import load
    from anemoi.core.forecasting import forecast
    from anemoi.core.forecasting.perturbing import perturbation_of
    from anemoi.core.plugins import Needs
    from anemoi.core.times import parse_date

    from ..area import Area
    from ..result_file import ResultFile
    from ..scoring import Spread
    from ..verification import verify
    from ._metrics import metrics_of

    target = None if report is None else ResultFile(report / "report.html", overwrite=overwrite, alone=True)
    written = None if scores is None else ResultFile(scores, overwrite=overwrite)
    drawn = None if map_date is None else parse_date(map_date)
    within = None if area is None else Area.parse(area)
    model = load(checkpoint)
    needs = Needs()
    metrics = metrics_of(names or (STANDARD if members == 1 else (*STANDARD, *OF_ENSEMBLES)), options, needs)
    with needs.noted():
        specs = source_specs(sources, trained_on(model.configuration))
        check_sources(needs, specs)
    perturbation = None
    if perturb is not None:
        with needs.noted():
            perturbation = perturbation_of(component_spec(perturb, "--perturb"), trust_code=trust_code)
    check_lock(needs, model.lock, allow_different_versions=allow_different_versions)
    needs.check()
    build_sources = partial(_sources, specs, trust_code)
    data = build_sources()
    how: dict[str, Any] = {
        "members": members,
        "persist": persist,
        "seed": seed,
        "perturbation": perturbation,
        "limit": limit,
        "allow_unusual": allow_unusual,
        "device": available_device(device),
        "trust_code": trust_code,
        "allow_different_versions": allow_different_versions,
    }
    of_past, build_past = None, None
    if past:
        described = source_specs(past, trained_on(model.configuration))
        build_past = partial(_sources, described, trust_code)
        of_past = build_past()
    spread = None
    if dask or dask_scheduler is not None:
        connect = partial(_connect, dask_scheduler)
        spread = Spread(connect=connect, sources=build_sources, past=build_past)
    keep_freed_memory()
    with short_warnings():
        result = verify(
            model,
            data,
            start=start,
            end=end,
            lead_time=lead_time,
            climatology=of_past,
            metrics=metrics,
            area=within,
            example=drawn if target is not None else None,
            spread=spread,
            lagged=lagged or 1,
            progress=partial(_progress, events),
            **how,
        )
        if target is not None:
            from ..report import render

            date = result.typical_start if drawn is None else drawn
            states = list(forecast(model, data, date, lead_time, **how))
            target.write(render(result, states).encode())
    if as_json or written is not None:
        text = json.dumps(_document(result), indent=2, allow_nan=False)
        if written is not None:
            written.write(text.encode())
    if as_json:
        click.echo(text)
    else:
        _print(result)
    for file in (target, written):
        if file is not None:
            events.tell("file", path=str(file.path))
    events.tell("finished", forecasts=len(result.starts))
    if target is not None:
        click.echo(f"Report: {target.path}", err=as_json)


def _sources(specs: Mapping[str, Mapping[str, Any]], trust_code: bool) -> dict[str, DataSource]:
    """Build the source of each domain, here or on a worker."""
    from anemoi.core.config import build

    return {name: build("source", spec, trust_code=trust_code) for name, spec in specs.items()}


def _connect(address: str | None, forecasts: int) -> AbstractContextManager[Any]:
    """Connect to the cluster that makes so many forecasts."""
    from anemoi.core.cluster import cluster
    from anemoi.core.forecasting.cluster import processes_for

    requirement = "anemoi-plugin-verification[dask]"
    return cluster(address, processes=processes_for(forecasts), requirement=requirement)


def _progress(events: EventLog, done: int, total: int) -> None:
    """Count the forecasts on one line of the terminal, and in the log."""
    if done:
        events.tell("scored", forecasts=done, of=total)
    else:
        events.tell("checked", forecasts=total)
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} forecasts" if done < total else "\r\x1b[K", nl=False, err=True)


def _document(result: Verification) -> dict[str, Any]:
    from anemoi.core.documents import document
    from anemoi.core.times import format_date

    def period(start: Any, end: Any) -> dict[str, str]:
        return {"start": format_date(start), "end": format_date(end)}

    def of_domain(verified: VerifiedDomain) -> dict[str, Any]:
        normal, data = verified.climatology, verified.source.provenance.get("identity")
        if normal is None:
            return {"data": data, "climatology": None, "climatology_left_out": verified.why_without}
        about = {**period(normal.start, normal.end), "daily_cycle": normal.has_daily_cycle}
        return {"data": data, "climatology": about}

    facts = {
        "checkpoint": result.checkpoint.identity,
        "training_period": None
        if result.training is None
        else period(result.training.start, result.training.end),
        "test_period": period(result.period.start, result.period.end),
        **({} if result.area is None else {"area": asdict(result.area)}),
        "independent": result.is_independent,
        **(
            of_domain(result.domain)
            if len(result.domains) == 1
            else {"domains": {name: of_domain(each) for name, each in result.domains.items()}}
        ),
        "starts": [format_date(start) for start in result.starts],
        "scores": [score for each in result.domains.values() for score in each.evaluation.as_json()],
    }
    return document(facts, result.provenance)


def _print(result: Verification) -> None:
    from rich.console import Console

    from ..table import terminal_tables

    tables = {name: [*terminal_tables(each.evaluation)] for name, each in result.domains.items()}
    console = Console(highlight=False)
    widest = max(_width(table) for each in tables.values() for table in each)
    console.width = max(console.width, widest)  # a narrow terminal breaks lines, and loses no number
    where = "" if result.area is None else f", scored in the area {result.area}"
    console.print(f"{len(result.starts)} forecasts within {result.period}{where}", soft_wrap=True)
    if not result.is_independent:
        console.print(
            "The test period is not known to be apart from the training period.", style="bold yellow"
        )
    for name in result.domains:
        if len(result.domains) > 1:
            console.rule(name, align="left")
        console.print(*tables[name], sep="\n")
        if (why := result.domains[name].why_without) is not None:
            console.print(f"Climatology is left out: {why}. Give other data for it: --climatology PATH")


def _width(table: Any) -> int:
    """How wide a table is where it is whole."""
    from rich.console import Console
    from rich.measure import Measurement

    wide = Console(width=1 << 12)
    return Measurement.get(wide, wide.options, table).maximum
