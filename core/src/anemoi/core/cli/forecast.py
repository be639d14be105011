"""``anemoi forecast``: from a checkpoint to a file."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import plugins
from ..errors import AnemoiError, ConfigError, DataError, PluginError

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
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME|PATH|KEY=VALUE",
    help="Where the initial states are: a source by name, the path of a data set, or an option of the "
    "source; may be repeated.  [default: the training data]",
)
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="How many ensemble members."
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there already.")
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto is a GPU if there is one.",
)
@click.option("--trust-code", is_flag=True, help="Run code that the checkpoint names outside any plugin.")
@click.option(
    "--allow-different-versions", is_flag=True, help="Accept other plugin versions than the checkpoint's."
)
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
    from ..forecasting import describe, forecast

    loaded = load(checkpoint)
    device = _available(device)
    spec = _source_spec(sources, loaded.configuration.get("data"))
    _check_not_an_input(path, checkpoint, spec.get("path"))
    source = config.build("source", spec, trust_code=trust_code)
    with _short_warnings():
        states = forecast(
            loaded,
            source,
            start,
            end,
            members=members,
            device=device,
            trust_code=trust_code,
            allow_different_versions=allow_different_versions,
        )
    description = describe(loaded, source, start, end, members=members)
    output: Output = config.build(
        "output", {"name": output_name}, path=str(path), forecast=description, overwrite=overwrite
    )
    began = time.perf_counter()
    try:
        with output:
            for state in _with_progress(states, len(description.lead_times)):
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


_OPTION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def _source_spec(given: tuple[str, ...], default: Mapping[str, Any] | None) -> dict[str, Any]:
    """What ``--source`` says, as a configuration would; options alone change those of ``default``."""
    options, named = {}, []
    for value in given:
        if match := _OPTION.fullmatch(value):
            options[match[1]] = _parse(value, match[2])
        else:
            named.append(value)
    if len(named) > 1:
        raise ConfigError(f"--source names more than one source: {', '.join(named)}.", fix="Name one.")
    if named:
        return {**_named_source(named[0]), **options}
    if "name" in options:
        return options
    if not default:
        raise ConfigError("The checkpoint names no data source.", fix="Name one with --source.")
    return {**default, **options}


def _named_source(value: str) -> dict[str, Any]:
    installed = {
        plugins.normalise(component.name): component.name for component in plugins.components("source")
    }
    if plugins.normalise(value) in installed:
        return {"name": value}
    # Sources that read files are named by their suffixes: x.zarr, x.zarr.zip
    for suffix in reversed(Path(value).suffixes):
        if (name := plugins.normalise(suffix.removeprefix("."))) in installed:
            return {"name": installed[name], "path": value}
    if "/" in value or Path(value).exists():
        raise PluginError(
            f"No source here is named by a suffix of {value!r}.",
            fix=f"Say which one reads it: --source name=NAME --source path={value}\n"
            f"Installed here: {', '.join(installed.values()) or 'none'}.",
        )
    return {"name": value}  # distribution:name, or unknown, which building it says best


def _parse(option: str, value: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(
            f"--source {option} is not KEY=VALUE with a YAML value.", fix="Quote the value."
        ) from None


def _check_not_an_input(path: Path, *inputs: Path | str | None) -> None:
    for each in inputs:
        if each is not None and Path(each).resolve() == path.resolve():
            raise DataError(f"{path} is what the forecast is made from.", fix="Choose another --output.")


def _available(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise AnemoiError(
            "There is no GPU that torch can use here.", fix="Compute on the CPU: --device cpu (or auto)."
        )
    return device


@contextmanager
def _short_warnings() -> Iterator[None]:
    """Print warnings as one line each, without a place in the code."""
    from ..checkpoint import DifferentVersionWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DifferentVersionWarning)
        yield
    for warning in caught:
        click.echo(f"Warning: {warning.message}", err=True)


def _with_progress(states: Iterable[State], steps: int) -> Iterator[State]:
    """Count the states on a terminal; nothing is drawn elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Forecasting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
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
