"""``anemoi forecast``: from a checkpoint to a file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import plugins
from ..errors import DataError, PluginError
from .options import available_device, computing_options, short_warnings, source_option, source_spec

if TYPE_CHECKING:
    from ..interfaces.output import ForecastDescription, Output, State


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--date", required=True, help="When to start from, UTC: 2025-12-22T00.")
@click.option("--lead-time", required=True, metavar="DURATION", help="How far to forecast: 72h, 10d.")
@click.option(
    "--output", "path", required=True, metavar="FILE", type=click.Path(path_type=Path), help="What to write."
)
@click.option(
    "--format", "output_name", metavar="NAME", help="The output that writes it.  [default: by FILE's suffix]"
)
@source_option
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="How many ensemble members."
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there already.")
@computing_options
def command(
    checkpoint: Path,
    date: str,
    lead_time: str,
    path: Path,
    output_name: str | None,
    sources: tuple[str, ...],
    members: int,
    overwrite: bool,
    device: str,
    trust_code: bool,
    allow_different_versions: bool,
) -> None:
    """Make a forecast from CHECKPOINT and write it to FILE.

    The checkpoint, its plugins, the initial states and the output are checked before anything is
    computed, and FILE appears when it is whole or not at all.

    \b
    anemoi forecast model.safetensors --date 2025-12-22T00 --lead-time 72h --output forecast.zarr
    anemoi forecast model.safetensors --date 2025-12-22T00 --lead-time 10d --output forecast.zarr \\
        --source /data/analysis.zarr --members 4
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    from ..times import parse_date, parse_duration

    start, end = parse_date(date), parse_duration(lead_time)
    output_name = _check_output_name(path, output_name)

    # Only now, because it brings torch.
    from .. import config
    from ..checkpoint import load
    from ..forecasting import forecast

    loaded = load(checkpoint)
    device = available_device(device)
    spec = source_spec(sources, loaded.configuration.get("data"))
    _check_not_an_input(path, checkpoint, spec.get("path"))
    source = config.build("source", spec, trust_code=trust_code)
    with short_warnings():
        made = forecast(
            loaded,
            source,
            start,
            end,
            members=members,
            device=device,
            trust_code=trust_code,
            allow_different_versions=allow_different_versions,
        )
    description = made.description
    output: Output = config.build(
        "output", {"name": output_name}, path=str(path), forecast=description, overwrite=overwrite
    )
    began = time.perf_counter()
    try:
        with output:
            for state in _with_progress(made, len(description.lead_times)):
                output.write(state)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix=f"Check that {path.absolute().parent} can be written and has room.",
        ) from error
    click.echo(_summary(path, description, time.perf_counter() - began, device))


def _check_output_name(path: Path, name: str | None) -> str:
    """The output that writes ``path``: the one given, or that which its suffix names."""
    installed = ", ".join(component.name for component in plugins.components("output")) or "none"
    choice = f"Choose one with --format; installed here: {installed}."
    name = name or path.suffix.removeprefix(".")
    if not name:
        raise DataError(f"{path} has no suffix that says what to write.", fix=choice)
    try:
        plugins.load("output", name)
    except PluginError as error:
        fix = "\n".join(filter(None, (error.fix, choice)))
        raise PluginError(f"{path} cannot be written: {error.what}", fix=fix) from error
    return name


def _check_not_an_input(path: Path, *inputs: Path | str | None) -> None:
    for each in inputs:
        if each is not None and Path(each).resolve() == path.resolve():
            raise DataError(f"{path} is what the forecast is made from.", fix="Choose another --output.")


def _with_progress(states: Iterable[State], steps: int) -> Iterator[State]:
    """Count the states on a terminal; nothing is drawn elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:  # Even a disabled bar leaves an empty line in versions of rich before 15.
        yield from states
        return
    columns = (TextColumn("Forecasting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=steps)
        for state in states:
            yield state
            progress.advance(task)


def _summary(path: Path, written: ForecastDescription, seconds: float, device: str) -> str:
    from ..times import format_date

    steps, last = len(written.lead_times), written.lead_times[-1]
    first, members = written.lead_times[0], written.members
    return (
        f"Wrote {path}: {', '.join(written.variables)} at {len(written.grid)} points, "
        f"{members} member{'s' * (members > 1)}, valid {format_date(written.start + first)} to "
        f"{format_date(written.start + last)} UTC.\n"
        f"{steps} steps in {seconds:.1f} s ({steps / seconds:.1f} steps/s, writing included) on {device}."
    )
