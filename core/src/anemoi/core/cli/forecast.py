"""``anemoi forecast``: from a checkpoint to files."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from ..errors import RequestError
from .event_log import EventLog
from .options import (
    available_device,
    check_lock,
    check_sources,
    computing_options,
    output_options,
    postprocess_steps,
    short_warnings,
    source_option,
    source_specs,
    trained_on,
)

if TYPE_CHECKING:
    from ..forecasting.batch import Batch, OnStep, Task
    from ..forecasting.tee import OnFile, OutputFile
    from ..interfaces.output import ForecastDescription, State


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option(
    "--date",
    "dates",
    required=True,
    multiple=True,
    help="When to start from, UTC: 2025-12-22T00; may be repeated, or a range: 2025-12-01/2025-12-10/24h.",
)
@click.option(
    "--lead-time",
    default="10d",
    show_default=True,
    metavar="DURATION",
    help="How far to forecast: 72h, 10d.",
)
@click.option(
    "--output",
    "paths",
    required=True,
    multiple=True,
    metavar="FILE",
    help="What to write; may be repeated. {date} in it stands for the start, {lead_time} for each lead time, "
    "{domain} for each domain of a model that has several.",
)
@click.option(
    "--format", "output_name", metavar="NAME", help="The output that writes it.  [default: by FILE's suffix]"
)
@click.option(
    "--output-option",
    "options",
    multiple=True,
    metavar="OUTPUT.KEY=VALUE",
    help="An option of an output: netcdf.compression=5; may be repeated.",
)
@click.option(
    "--postprocess",
    multiple=True,
    metavar="[FILE=]STEP",
    help="What becomes of states before they are written: a step by name, or {name: NAME, OPTION: VALUE}; "
    "may be repeated. With FILE= only on the way to that --output.",
)
@source_option
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="How many ensemble members."
)
@click.option(
    "--persist",
    multiple=True,
    metavar="VARIABLE",
    help="A forcing that keeps its value at the start, instead of being read at every step; may be repeated.",
)
@click.option(
    "--limit",
    type=click.FloatRange(min=1),
    default=10.0,
    show_default=True,
    metavar="FACTOR",
    help="Stop where a value is further from the range of the training than this many times that range; inf "
    "never does.",
)
@click.option(
    "--allow-unusual",
    multiple=True,
    metavar="VARIABLE",
    help="Start although the mean of this variable is more than ten standard deviations of the training off; "
    "may be repeated.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of random numbers.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there already.")
@click.option(
    "--restart",
    is_flag=True,
    help="Keep a journal beside FILE until it is whole, and go on from the one of an interrupted forecast.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@click.option(
    "--log-json",
    "log",
    type=click.File("a", encoding="utf-8", lazy=False),
    metavar="FILE",
    help="Append one line of JSON for each event to FILE, with its time.",
)
@computing_options
def command(
    checkpoint: Path,
    dates: tuple[str, ...],
    lead_time: str,
    paths: tuple[str, ...],
    output_name: str | None,
    options: tuple[str, ...],
    postprocess: tuple[str, ...],
    sources: tuple[str, ...],
    members: int,
    persist: tuple[str, ...],
    limit: float,
    allow_unusual: tuple[str, ...],
    seed: int,
    overwrite: bool,
    restart: bool,
    as_json: bool,
    log: IO[str] | None,
    device: str,
    trust_code: bool,
    allow_different_versions: bool,
) -> None:
    """Make a forecast from CHECKPOINT and write it to FILE.

    The checkpoint, its plugins, the initial states and the output are checked before anything is
    computed, and FILE appears when it is whole or not at all.

    \b
    anemoi forecast model.safetensors --date 2025-12-22T00 --lead-time 72h --output forecast.zarr
    anemoi forecast model.safetensors --date 2025-12-22T00 --output forecast.zarr \\
        --source /data/analysis.zarr --members 4
    anemoi forecast model.safetensors --date 2025-12-01/2025-12-10/24h --output '{date}.zarr' --restart
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    events = EventLog(log)
    with events.failures():
        from ..times import parse_dates, parse_duration

        starts = [start for text in dates for start in parse_dates(text)]
        end = parse_duration(lead_time)

        # Only now, because it brings torch.
        from .. import config
        from ..allocation import keep_freed_memory
        from ..checkpoint import load
        from ..forecasting import destinations, prepare
        from ..plugins import Needs

        needs = Needs()
        with needs.noted():
            steps_to = postprocess_steps(postprocess, paths)
            written = destinations(paths, output_name, output_options(options), steps_to)
        loaded = load(checkpoint)
        with needs.noted():
            specs = source_specs(sources, trained_on(loaded.configuration))
            check_sources(needs, specs)
        check_lock(needs, loaded.lock, allow_different_versions=allow_different_versions)
        needs.check()
        device = available_device(device)
        with short_warnings():
            batch = prepare(
                loaded,
                {name: config.build("source", spec, trust_code=trust_code) for name, spec in specs.items()},
                starts,
                written,
                end,
                members=members,
                persist=persist,
                seed=seed,
                limit=limit,
                allow_unusual=allow_unusual,
                overwrite=overwrite,
                restart=restart,
                device=device,
                trust_code=trust_code,
                allow_different_versions=allow_different_versions,
            )
        _check_not_an_input(batch, checkpoint, *(spec.get("path") for spec in specs.values()))
        steps = sum(task.states for task in batch.tasks)
        events.tell("checked", forecasts=len(batch.tasks), states=steps, device=device)
        keep_freed_memory()
        began = time.perf_counter()
        made = []
        with _progress(steps) as on_step:
            for task in batch.run(_both(on_step, events), _telling(events)):
                made.append(_document(task))
                events.tell("forecast", **made[-1])
                if not as_json:
                    click.echo(_summary(task))
        seconds = time.perf_counter() - began
        events.tell("finished", forecasts=len(made), states=steps, seconds=round(seconds, 3))
    if as_json:
        about = {
            "checkpoint": str(checkpoint),
            "device": device,
            "states": steps,
            "seconds": round(seconds, 3),
        }
        click.echo(json.dumps({**about, "forecasts": made}, indent=2))
    else:
        click.echo(
            f"{steps} steps in {seconds:.1f} s ({steps / seconds:.1f} steps/s, writing included) on {device}."
        )


def _both(on_step: OnStep, events: EventLog) -> OnStep:
    """Tell the log of each state, and then whoever counts them."""
    from ..times import format_date, format_duration

    def tell(forecast: ForecastDescription, state: State) -> None:
        events.tell(
            "state",
            start=format_date(state.start),
            lead_time=format_duration(state.lead_time),
            valid_time=format_date(state.valid_time),
            domain=state.domain,
        )
        on_step(forecast, state)

    return tell


def _telling(events: EventLog) -> OnFile:
    return lambda part: events.tell("file", **_file(part))


def _file(part: OutputFile) -> dict[str, Any]:
    from ..times import format_date, format_duration

    return {
        "path": part.path,
        "start": format_date(part.forecast.start),
        "domain": part.forecast.domain,
        "variables": list(part.forecast.variables),
        "lead_times": [format_duration(lead_time) for lead_time in part.lead_times],
    }


def _document(task: Task) -> dict[str, Any]:
    """What was made of one forecast, as JSON."""
    from ..times import format_date

    first = next(iter(task.forecasts.values()))
    return {
        "start": format_date(first.start),
        "identity": first.provenance["identity"],
        "members": first.members,
        "paths": list(task.paths),
        "written_before": not task.parts,
        "files": [_file(part) for part in task.parts],
    }


def _check_not_an_input(batch: Batch, *inputs: Path | str | None) -> None:
    taken = [Path(each).resolve() for each in inputs if each is not None]
    for part in (part for task in batch.tasks for part in task.parts):
        if Path(part.path).resolve() in taken:
            raise RequestError(
                f"{part.path} is what the forecast is made from.", fix="Choose another --output."
            )


@contextmanager
def _progress(steps: int) -> Iterator[OnStep]:
    """Count the states on a terminal; nothing is drawn elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ..times import format_date, format_duration

    console = Console(stderr=True)
    if not console.is_terminal:  # Even a disabled bar leaves an empty line in versions of rich before 15.
        yield lambda forecast, state: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("Forecasting", total=steps)
        yield lambda forecast, state: progress.update(
            bar,
            advance=1,
            description=f"{format_date(state.start)} + {format_duration(state.lead_time)}",
        )


def _summary(task: Task) -> str:
    from ..times import format_date

    described = list(task.forecasts.values())
    first = min(each.start + each.lead_times[0] for each in described)
    last = max(each.start + each.lead_times[-1] for each in described)
    paths: dict[str, list[str]] = {}
    for path in task.paths:
        paths.setdefault(_contents(task.contents.get(path, described)), []).append(path)
    written = "; ".join(f"{', '.join(some)}: {contents}" for contents, some in paths.items())
    done = "Wrote" if task.parts else "Written before:"
    return f"{done} {written}, valid {format_date(first)} to {format_date(last)} UTC."


def _contents(forecasts: Sequence[ForecastDescription]) -> str:
    members = forecasts[0].members
    fields = "; ".join(f"{', '.join(each.variables)} at {len(each.grid)} points" for each in forecasts)
    return f"{fields}, {members} member{'s' * (members > 1)}"
