"""Forecasts that the command line asks for: checked, made, and told of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import AnemoiError, PluginError, RequestError
from .event_log import EventLog
from .options import available_device, check_lock, check_sources, short_warnings

if TYPE_CHECKING:
    import numpy as np

    from ..checkpoint import Checkpoint
    from ..forecasting.batch import OnStep, Task
    from ..forecasting.destination import Destination
    from ..forecasting.tee import OnFile, OutputFile
    from ..interfaces.output import ForecastDescription, State


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for, by options or by a suite.

    Parameters
    ----------
    checkpoint
        The checkpoint.
    dates
        The dates and ranges of dates, as they are written.
    lead_time
        How far.
    destinations
        What finds the outputs.
    sources
        What gives the source of each domain of a checkpoint, with its options.
    device
        Where to compute.
    trust_code
        Whether a ``_target_`` of the checkpoint may be imported.
    own_source
        Tells whether a file of the user's own describes the source of a domain: a ``_target_`` there may be
        imported. None if there is no such file.
    allow_different_versions
        Whether other plugin versions will do.
    dask, dask_scheduler
        Whether forecasts are made over a Dask cluster, and the address of its scheduler.
    how
        What :func:`anemoi.core.forecasting.prepare` takes besides.
    """

    checkpoint: Path
    dates: Sequence[str]
    lead_time: str
    destinations: Callable[[], list[Destination]]
    sources: Callable[[Checkpoint], Mapping[str, Any]]
    device: str
    trust_code: bool
    allow_different_versions: bool
    how: Mapping[str, Any] = field(default_factory=dict)
    dask: bool = False
    dask_scheduler: str | None = None
    own_source: Callable[[str], bool] | None = None


def run(request: Request, events: EventLog, *, as_json: bool) -> None:
    """Check all of it, make the forecasts, and tell of each.

    Raises
    ------
    AnemoiError
        If something will not do: of what is missing, all at once.
    """
    from ..times import parse_dates, parse_duration

    starts = [start for text in request.dates for start in parse_dates(text)]
    end = parse_duration(request.lead_time)

    # Only now, because it brings torch.
    from ..allocation import keep_freed_memory
    from ..checkpoint import load
    from ..cluster import cluster
    from ..forecasting import prepare
    from ..forecasting.cluster import Spread, processes_for, run_on
    from ..plugins import Needs, together

    needs = Needs()
    with needs.noted():
        written = request.destinations()
    loaded = load(request.checkpoint)
    specs: Mapping[str, Any] = {}
    with needs.noted():
        specs = request.sources(loaded)
        check_sources(needs, specs)
    check_lock(needs, loaded.lock, allow_different_versions=request.allow_different_versions)
    own = request.own_source
    trusted = frozenset(name for name in specs if request.trust_code or (own and own(name)))
    build_sources = partial(_sources, specs, trusted)
    if needs.errors:
        persist = request.how.get("persist", ())
        raise _with_states(together(needs.errors), loaded, build_sources, starts, end, persist)
    device = available_device(request.device)
    with short_warnings():
        batch = prepare(
            loaded,
            build_sources(),
            starts,
            written,
            end,
            device=device,
            trust_code=request.trust_code,
            allow_different_versions=request.allow_different_versions,
            **request.how,
        )
    check_not_an_input(batch.tasks, request.checkpoint, *(spec.get("path") for spec in specs.values()))
    steps = sum(task.states for task in batch.tasks)
    events.tell("checked", forecasts=len(batch.tasks), states=steps, device=device)
    keep_freed_memory()
    began = time.perf_counter()
    made = []
    with progress(steps) as on_step, ExitStack() as stack:
        if request.dask:
            client = stack.enter_context(
                cluster(
                    request.dask_scheduler,
                    processes=processes_for(batch.jobs),
                    requirement="anemoi-core[dask]",
                )
            )
            spread = Spread(
                sources=build_sources,
                destinations=written,
                lead_time=end,
                trust_code=request.trust_code,
                allow_different_versions=request.allow_different_versions,
            )
            tasks = run_on(client, batch, spread, file_teller(events))
        else:
            tasks = batch.run(_both(on_step, events), file_teller(events))
        for task in tasks:
            made.append(document(task))
            events.tell("forecast", **made[-1])
            if not as_json:
                click.echo(summary(task))
    seconds = time.perf_counter() - began
    events.tell("finished", forecasts=len(made), states=steps, seconds=round(seconds, 3))
    if as_json:
        about = {
            "checkpoint": str(request.checkpoint),
            "device": device,
            "states": steps,
            "seconds": round(seconds, 3),
        }
        click.echo(json.dumps({**about, "forecasts": made}, indent=2))
    else:
        click.echo(
            f"{steps} steps in {seconds:.1f} s ({steps / seconds:.1f} steps/s, writing included) on {device}."
        )


def _sources(specs: Mapping[str, Any], trusted: Collection[str]) -> dict[str, Any]:
    """Build the source of each domain, here or on a worker."""
    from .. import config

    return {name: config.build("source", spec, trust_code=name in trusted) for name, spec in specs.items()}


def _with_states(
    error: PluginError,
    checkpoint: Checkpoint,
    build_sources: Callable[[], dict[str, Any]],
    starts: Sequence[np.datetime64],
    lead_time: np.timedelta64,
    persist: Sequence[str],
) -> PluginError:
    """The same error, with what the sources lack besides, as far as they can be opened."""
    from ..forecasting import by_domain, check_sources
    from ..forecasting.initial import step_count

    try:
        sources = by_domain(checkpoint, build_sources())
        count = step_count(checkpoint, lead_time)
        check_sources(checkpoint, sources, starts, count=count, persist=persist)
    except PluginError:  # of the source, which is told of already
        return error
    except AnemoiError as lacking:
        fixes = [fix for fix in (error.fix, lacking.fix) if fix]
        return PluginError(f"{error.what}\n{lacking.what}", fix="\n".join(fixes))
    return error


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


def file_teller(events: EventLog) -> OnFile:
    """Tell the log of each file."""
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


def document(task: Task) -> dict[str, Any]:
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


def check_not_an_input(tasks: Iterable[Task], *inputs: Path | str | None) -> None:
    """Check that no forecast is written to a file that it is made from.

    Raises
    ------
    RequestError
        If one is.
    """
    taken = [Path(each).resolve() for each in inputs if each is not None]
    for part in (part for task in tasks for part in task.parts):
        if Path(part.path).resolve() in taken:
            raise RequestError(
                f"{part.path} is what the forecast is made from.", fix="Choose another --output."
            )


@contextmanager
def progress(steps: int) -> Iterator[OnStep]:
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


def summary(task: Task) -> str:
    """What was made of one forecast, in a sentence."""
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
