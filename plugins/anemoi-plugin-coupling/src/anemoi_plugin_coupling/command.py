"""``anemoi couple``: coupled forecasts of several checkpoints, as a file describes them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from anemoi.core.cli.event_log import EventLog
from anemoi.core.cli.forecast_run import check_not_an_input, document, file_teller, progress, summary
from anemoi.core.cli.options import (
    available_device,
    check_lock,
    check_sources,
    log_option,
    short_warnings,
    trained_on,
)

if TYPE_CHECKING:
    from anemoi.core.checkpoint import Checkpoint
    from anemoi.core.forecasting import Destination

    from .coupling import Coupled, Coupling
    from .suite import CoupledComponent, CoupledSuite


@click.command()
@click.argument("suite", type=click.Path(path_type=Path), metavar="SUITE.yaml")
@click.argument("overrides", nargs=-1)
@click.option("--date", "dates", multiple=True, help="When to start from, UTC; may be repeated, or a range.")
@click.option("--lead-time", metavar="DURATION", help="How far to forecast: 72h, 10d.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
@click.option(
    "--restart",
    is_flag=True,
    help="Keep journals beside the files until all are whole, and go on from those of an interrupted run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@log_option
@click.option("--trust-code", is_flag=True, help="Run code that a checkpoint names outside any plugin.")
def command(
    suite: Path,
    overrides: tuple[str, ...],
    dates: tuple[str, ...] = (),
    lead_time: str | None = None,
    overwrite: bool = False,
    restart: bool = False,
    as_json: bool = False,
    log: IO[str] | None = None,
    trust_code: bool = False,
) -> None:
    """Make the coupled forecasts that SUITE describes: each of its components hears the others.

    SUITE is a YAML file with two or more components, each with a checkpoint, outputs, and the forcings that
    come from other components; OVERRIDES change its values. `anemoi forecast --couple SUITE.yaml` makes the
    same.

    \b
    anemoi couple suite.yaml
    anemoi couple suite.yaml --date 2000-05-10 lead_time=5d interval=24h
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    events = EventLog(log)
    with events.failures():
        from .suite import read_suite

        read = read_suite(suite, overrides)
        read = replace(
            read,
            dates=list(dates) or read.dates,
            lead_time=lead_time or read.lead_time,
            overwrite=overwrite or read.overwrite,
            restart=restart or read.restart,
        )
        read.check_whole()
        _run(read, events, as_json=as_json, trust_code=trust_code)


def _run(suite: CoupledSuite, events: EventLog, *, as_json: bool, trust_code: bool) -> None:
    from anemoi.core.allocation import keep_freed_memory

    device = available_device(suite.device)
    coupling = _prepared(suite, device, trust_code=trust_code)
    steps = sum(task.states for tasks in coupling.tasks for task in tasks.values())
    events.tell("checked", forecasts=len(coupling.tasks), states=steps, device=device)
    keep_freed_memory()
    began = time.perf_counter()
    made = []
    with progress(steps) as on_step:
        for tasks in coupling.run(on_step, file_teller(events)):
            made.append({name: document(task) for name, task in tasks.items()})
            events.tell("forecast", components=made[-1])
            if not as_json:
                for name, task in tasks.items():
                    click.echo(f"{name}: {summary(task)}")
    seconds = time.perf_counter() - began
    events.tell("finished", forecasts=len(made), states=steps, seconds=round(seconds, 3))
    if as_json:
        about = {"device": device, "states": steps, "seconds": round(seconds, 3), "forecasts": made}
        click.echo(json.dumps(about, indent=2))
    else:
        click.echo(f"{steps} states in {seconds:.1f} s, writing included, on {device}.")


def _prepared(suite: CoupledSuite, device: str, *, trust_code: bool) -> Coupling:
    """Check all of it; of plugins that are not here, all at once.

    Raises
    ------
    AnemoiError
        If something will not do.
    """
    from anemoi.core.checkpoint import load
    from anemoi.core.forecasting import source_specs
    from anemoi.core.plugins import Needs
    from anemoi.core.times import parse_dates

    from .coupling import Coupling

    starts = [start for text in suite.starts for start in parse_dates(text)]
    needs = Needs()
    checkpoints = {}
    specs: dict[str, Mapping[str, Any]] = {}
    written: dict[str, list[Destination]] = {}
    for name, component in suite.components.items():
        checkpoint = load(Path(component.checkpoint).expanduser())
        checkpoints[name] = checkpoint
        specs[name] = source_specs(
            checkpoint,
            component.source,
            component.sources,
            trained_on(checkpoint.configuration),
            f"components.{name}.",
        )
        written[name] = []
        for output in component.outputs:
            with needs.noted():
                written[name].append(output.destination())
        check_lock(needs, checkpoint.lock, allow_different_versions=suite.allow_different_versions)
        check_sources(needs, specs[name])
    needs.check()
    with short_warnings():
        coupling = Coupling(
            {
                name: _coupled(
                    component, checkpoints[name], specs[name], written[name], trust_code=trust_code
                )
                for name, component in suite.components.items()
            },
            starts,
            str(suite.interval),
            suite.lead_time,
            neighbours=suite.neighbours,
            members=suite.members,
            seed=suite.seeds,
            limit=suite.limit,
            overwrite=suite.overwrite,
            restart=suite.restart,
            device=device,
            trust_code=trust_code,
            allow_different_versions=suite.allow_different_versions,
        )
    inputs = [component.checkpoint for component in suite.components.values()]
    given = [spec.get("path") for own in specs.values() for spec in own.values()]
    inputs += [path for path in given if isinstance(path, str)]
    check_not_an_input((task for tasks in coupling.tasks for task in tasks.values()), *inputs)
    return coupling


def _coupled(
    component: CoupledComponent,
    checkpoint: Checkpoint,
    specs: Mapping[str, Any],
    destinations: list[Destination],
    *,
    trust_code: bool,
) -> Coupled:
    from anemoi.core import config

    from .coupling import Coupled

    own = checkpoint.domains if component.source else component.sources  # those that the suite describes
    return Coupled(
        checkpoint=checkpoint,
        source={
            domain: config.build("source", spec, trust_code=trust_code or domain in own)
            for domain, spec in specs.items()
        },
        destinations=destinations,
        forcings=component.forcings,
        persist=component.persist,
        allow_unusual=component.allow_unusual,
    )
