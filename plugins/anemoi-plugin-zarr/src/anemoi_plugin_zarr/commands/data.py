"""``anemoi data``: makes data sets, looks into them and checks them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from anemoi.core.cli.event_log import EventLog
from anemoi.core.cli.options import dask_options, log_option

if TYPE_CHECKING:
    from ..creation import Recipe

_words = click.argument("source", nargs=-1, required=True)
_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
_overwrite = click.option("--overwrite", is_flag=True, help="Replace what is there.")


@click.group()
def command() -> None:
    """Make data sets in the anemoi-datasets Zarr layout, look into them and check them."""


@command.command()
@_words
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that read and write dates: more where reading is slow, as of GRIB.",
)
@dask_options("Read and write")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="STEP|KEY=VALUE",
    help="A step of post-processing, as of forecasts: wind, or {name: clip, lower: {tp: 0}}; or an option of "
    "the source 'subset': area=[72,-12,34,42]. May be repeated, and is done in this order.",
)
@click.option("--statistics-start", metavar="DATE", help="Take the statistics from DATE on.")
@click.option("--statistics-end", metavar="DATE", help="Take them to DATE: the end of the training period.")
@click.option("--allow-nans", is_flag=True, help="Take missing values (NaN) for right.")
@click.option(
    "--fill-value",
    "fill_values",
    type=float,
    multiple=True,
    metavar="NUMBER",
    help="A number that stands for a missing value, though the data do not say so; may be repeated.",
)
@click.option(
    "--allow-implausible",
    is_flag=True,
    help="Take values for right that are infinite, look like fill values or are below 0 K.",
)
@click.option("--append", is_flag=True, help="Add later times to a data set that was made from SOURCE.")
@click.option(
    "--overwrite", is_flag=True, help="Begin anew: replace OUTPUT, and what an interrupted command has left."
)
@log_option
def create(
    source: tuple[str, ...],
    output: Path,
    workers: int,
    dask: bool,
    dask_scheduler: str | None,
    filters: tuple[str, ...],
    statistics_start: str | None,
    statistics_end: str | None,
    allow_nans: bool,
    fill_values: tuple[float, ...],
    allow_implausible: bool,
    append: bool,
    overwrite: bool,
    log: IO[str] | None,
) -> None:
    """Make the data set OUTPUT from a recipe, or from a SOURCE and its options.

    SOURCE is a YAML file that holds a recipe, or the name of a source or the path of its data, and options of
    the source, KEY=VALUE. OUTPUT appears when it is whole; if the command is interrupted, the same command
    goes on where it was, without --overwrite.

    \b
    anemoi data create recipe.yaml OUT.zarr --workers 4
    anemoi data create sample OUT.zarr --filter end=2025-12-21 --statistics-end 2025-12-19
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    from dataclasses import replace

    events = EventLog(log)
    with events.failures():
        recipe = _recipe(source)
        ends = {"start": statistics_start, "end": statistics_end}
        given = {name: end for name, end in ends.items() if end is not None}
        recipe = replace(
            recipe,
            filters=[*recipe.filters, *map(_filter, filters)],
            statistics=replace(recipe.statistics, **given),
            allow_nans=recipe.allow_nans or allow_nans or bool(fill_values),
            fill_values=[*recipe.fill_values, *fill_values],
            allow_implausible=recipe.allow_implausible or allow_implausible,
        )
        how: dict[str, Any] = {"overwrite": overwrite, "append": append, "workers": workers}
        _create(recipe, output, events, dask=dask, dask_scheduler=dask_scheduler, **how)


def _create(recipe: Recipe, output: Path, events: EventLog, **how: Any) -> None:
    from ..creation import Creation
    from ..creation import create as create_
    from .progress import progress

    said: list[str] = []
    with progress("writing", "dates") as show:

        def tell(at: Creation) -> None:
            show(at.written, at.dates)
            events.tell("written", dates=at.written, of=at.dates)

        made = create_(recipe, output, progress=tell, tell=said.append, **how)
    events.tell("finished", path=str(made), found=said)
    click.echo("\n".join([f"The data set is {made}", *said]))


@command.command()
@click.argument("path")
@_json
def inspect(path: str, as_json: bool) -> None:
    """Tell what the data set at PATH holds, without reading its data."""
    from ..inspection import account, document

    found = document(path)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(account(found)))


@command.command()
@click.argument("path")
@_json
def check(path: str, as_json: bool) -> None:
    """Read all of the data set at PATH, and tell everything that is wrong with it.

    Values that cannot be are counted by variable: infinite ones, fill values that nobody declared, and
    temperatures below 0 K. The exit code is 1 if anything is wrong.
    """
    from ..checking import check as check_
    from ..implausible import shares
    from .progress import progress

    with progress("reading", "dates") as show:
        report = check_(path, show)
    if as_json:
        about = {"path": path, "dates": report.dates, "faults": report.faults, "missing": report.missing}
        click.echo(json.dumps(about, indent=2))
    elif report.faults:
        count = "a fault" if len(report.faults) == 1 else f"{len(report.faults)} faults"
        click.echo(f"{path} has {count}:\n  " + "\n  ".join(report.faults))
        click.echo("Copy it again from where it is whole, or make it again.")
    else:
        click.echo(f"{path} is whole: {report.dates} dates were read, and the statistics are theirs.")
    if report.missing and not as_json:
        click.echo(f"Missing values (NaN): {shares(report.missing)}.")
    click.get_current_context().exit(1 if report.faults else 0)


@command.command()
@_words
@_json
def statistics(source: tuple[str, ...], as_json: bool) -> None:
    """Compute the statistics of a SOURCE, as for 'create', in one pass: those that its data have now.

    They are those of the states, and those of the changes from each time to the next.
    """
    from anemoi.core import config

    from ..checking import statistics as compute
    from ..inspection import by_duration, by_variable, tables
    from .progress import progress

    opened = config.build("source", _recipe(source).data)
    with progress("reading", "dates") as show:
        of_states, of_changes = compute(opened, show)
    states, changes = by_variable(opened.variables, of_states), by_duration(opened.variables, of_changes)
    if as_json:
        click.echo(json.dumps({"variables": states, "changes": changes}, indent=2))
    else:
        click.echo("\n".join(tables(states, changes, opened.units)))


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@_overwrite
def convert(path: Path, output: Path, overwrite: bool) -> None:
    """Copy the data set at PATH to OUTPUT: to a zip file where OUTPUT ends in .zip, else to a directory."""
    from ..containers import convert as convert_
    from .progress import progress

    with progress("copying", "files") as show:
        made = convert_(path, output, overwrite=overwrite, progress=show)
    click.echo(f"The data set is {made}")


def _filter(text: str) -> str | dict[str, Any]:
    """Read a filter: the name of a step, or that and its options; or an option of ``subset``."""
    from anemoi.core.config.files import read_value
    from anemoi.core.errors import ConfigError

    key, sign, value = text.partition("=")
    if sign and key.isidentifier():
        return {key: read_value(value, of=f"--filter {key}")}
    step = read_value(text, of="--filter")
    if isinstance(step, str) or (isinstance(step, dict) and isinstance(step.get("name"), str)):
        return step
    raise ConfigError(
        f"--filter {text} is neither a step nor KEY=VALUE.",
        fix="As in --filter wind, --filter '{name: clip, lower: {tp: 0}}' or --filter area=[72,-12,34,42]",
    )


def _recipe(words: tuple[str, ...]) -> Recipe:
    from anemoi.core.cli.options import source_spec

    from ..creation import Recipe, read_recipe

    if len(words) == 1 and Path(words[0]).suffix in (".yaml", ".yml"):
        return read_recipe(Path(words[0]))
    spec = source_spec(words, None)
    # YAML makes a date of what the options of sources take as a text.
    return Recipe(data={key: str(value) if isinstance(value, date) else value for key, value in spec.items()})
