"""``anemoi runs``: the training runs in a directory, and how they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from anemoi.core.cli.table import print_table
from anemoi.core.errors import AnemoiError

from .record import METRICS, RUN, Run, find, read

_RUNS = Path("runs")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def command() -> None:
    """List, show and compare training runs."""


@command.command("list")
@click.argument("directory", type=click.Path(path_type=Path), default=Path())
@_as_json
def list_(directory: Path, as_json: bool) -> None:
    """List the runs in DIRECTORY and up to three levels below it, the oldest first.

    It is the working directory if it is left out.

    A run whose process is gone without a word is killed; one on another machine that has been silent for
    ten minutes is unknown.
    """
    found, faults = find(directory)
    if as_json:
        click.echo(json.dumps([_summary(run) for run in found], indent=2))
    elif found:
        print_table(_TITLES, [_row(run) for run in found])
    for fault in faults:
        click.echo(f"Note: {fault}", err=True)


@command.command()
@click.argument("run", metavar="RUN")
@_as_json
def show(run: str, as_json: bool) -> None:
    """Show all that is recorded of RUN: the directory of a run, or its name in runs."""
    found = _find(run)
    if as_json:
        click.echo(json.dumps(_everything(found), indent=2))
    else:
        click.echo("\n".join(_account(found)))


@command.command()
@click.argument("names", nargs=-1, metavar="RUN RUN...")
@_as_json
def compare(names: tuple[str, ...], as_json: bool) -> None:
    """Compare runs: the parameters that differ, and what came of them."""
    if len(names) < 2:
        raise AnemoiError("There is nothing to compare with.", fix="anemoi runs compare RUN RUN...")
    runs = [_find(name) for name in names]
    parameters, results = _differences(runs), _results(runs)
    if as_json:
        click.echo(json.dumps({"runs": list(names), "parameters": parameters, "results": results}, indent=2))
        return
    print_table(
        ("parameter", *names), [(key, *map(_text, values)) for key, values in parameters.items()] or [_SAME]
    )
    click.echo()
    print_table(("result", *names), [(key, *map(_text, values)) for key, values in results.items()])


_SAME = ("(all the same)",)
_TITLES = ("run", "status", "started", "duration", "steps", "loss", "checkpoint")


def _find(name: str) -> Run:
    """A run by its directory, or by its name in the usual place."""
    directory = Path(name)
    if not directory.exists() and (_RUNS / name).is_dir():
        directory = _RUNS / name
    if not directory.is_dir():
        raise AnemoiError(
            f"There is no run {name}.", fix="To see what there is: anemoi runs list [DIRECTORY]"
        )
    return read(directory)


def _row(run: Run) -> tuple[str, ...]:
    steps = f"{run.step}/{run.steps}" if run.steps else str(run.step)
    loss = f"{run.last['loss']:.4g}" if "loss" in run.last else ""
    checkpoint = run.checkpoint.name if run.checkpoint else ""
    started = run.started.strftime("%Y-%m-%d %H:%M")
    return (str(run.directory), run.status, started, _duration(run.duration), steps, loss, checkpoint)


def _summary(run: Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "directory": str(run.directory),
        "status": run.status,
        "started": run.started.isoformat(),
        "seconds": round(run.duration.total_seconds()),
        "step": run.step,
        "steps": run.steps,
        "loss": run.last.get("loss"),
        "checkpoint": str(run.checkpoint) if run.checkpoint else None,
    }


def _everything(run: Run) -> dict[str, Any]:
    return {
        **_summary(run),
        "host": run.record["host"],
        "process": run.record["process"],
        "overrides": run.overrides,
        "parameters": run.parameters,
        "metrics": {name: asdict(metric) for name, metric in run.metrics().items()},
        "files": _files(run),
    }


def _account(run: Run) -> Iterator[str]:
    facts = {
        "status": _STATUS.get(run.status, run.status).format(**run.record, heard=run.heard),
        "started": f"{run.started:%Y-%m-%d %H:%M:%S} UTC on {run.record['host']}",
        "duration": _duration(run.duration),
        "steps": f"{run.step} of {run.steps}" if run.steps else str(run.step),
        "files": ", ".join(_files(run)),
        "overrides": " ".join(run.overrides),
    }
    yield str(run.directory)
    yield from (f"  {name:<12}{text}" for name, text in facts.items() if text)
    yield "\nMetrics"
    for name, metric in run.metrics().items():
        yield (
            f"  {name:<12}first {metric.first:.6g}, last {metric.last:.6g}, "
            f"lowest {metric.least:.6g} at step {metric.least_step}"
        )
    yield "\nParameters"
    parameters = run.parameters
    width = max(map(len, parameters), default=0)
    yield from (f"  {key:<{width}}  {_text(value)}" for key, value in parameters.items())


_STATUS = {
    "killed": "killed: its process, {process} on {host}, is gone and left no end",
    "unknown": "unknown: it runs on {host}, or was killed there; last heard of {heard:%Y-%m-%d %H:%M} UTC",
    "running": "running, as process {process} on {host}",
}


def _files(run: Run) -> list[str]:
    """What the run recorded as its files, and its record; those that are there."""
    return [name for name in (*run.record["artefacts"], RUN, METRICS) if (run.directory / name).is_file()]


def _differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The parameters that are not the same in all runs; None where one has no such parameter."""
    parameters = [run.parameters for run in runs]
    keys = dict.fromkeys(key for each in parameters for key in each)
    rows = {key: [each.get(key) for each in parameters] for key in keys}
    present = {key: {key in each for each in parameters} for key in keys}
    return {
        key: values
        for key, values in rows.items()
        if len(present[key]) > 1 or any(value != values[0] for value in values)
    }


def _results(runs: Sequence[Run]) -> dict[str, list[Any]]:
    metrics = [run.metrics() for run in runs]
    rows: dict[str, list[Any]] = {
        "status": [run.status for run in runs],
        "duration": [_duration(run.duration) for run in runs],
        "steps": [run.step for run in runs],
    }
    for name in dict.fromkeys(name for each in metrics for name in each):
        known = [each.get(name) for each in metrics]
        rows[f"{name} (last)"] = [each.last if each else None for each in known]
        rows[f"{name} (lowest)"] = [each.least if each else None for each in known]
    return rows


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def _duration(duration: timedelta) -> str:
    return str(timedelta(seconds=round(duration.total_seconds())))
