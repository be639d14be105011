"""``anemoi forecast``: from a checkpoint to files."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from ..config.files import ENDINGS
from .event_log import EventLog
from .forecast_run import Request, run
from .options import (
    boundary_source,
    component_spec,
    computing_options,
    dask_options,
    log_option,
    output_options,
    postprocess_steps,
    source_option,
    source_specs,
    start_options,
    trained_on,
)

if TYPE_CHECKING:
    from ..forecasting import Destination
    from ..forecasting.rollout import Precision


@click.command()
@click.argument("checkpoint", type=click.Path(path_type=Path), metavar="CHECKPOINT|SUITE.yaml")
@click.argument("overrides", nargs=-1)
@click.option(
    "--date",
    "dates",
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
    "--boundary",
    multiple=True,
    metavar="NAME|PATH|KEY=VALUE",
    help="Where the domain around a limited area is read, at every step: as for --source; may be repeated.",
)
@click.option(
    "--members", type=click.IntRange(min=1), default=1, show_default=True, help="How many ensemble members."
)
@start_options
@click.option(
    "--seed",
    "seeds",
    type=click.IntRange(min=0),
    multiple=True,
    default=(0,),
    show_default=True,
    help="Of random numbers; repeated, one for each member.",
)
@click.option(
    "--perturb",
    metavar="NAME|{name: NAME, OPTION: VALUE}",
    help="What gives each member but the first an initial state of its own.",
)
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16-mixed"]),
    default="32",
    show_default=True,
    help="In which the model computes: single, or bfloat16 where that suffices.",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there already.")
@click.option(
    "--restart",
    is_flag=True,
    help="Keep a journal beside FILE until it is whole, and go on from the one of an interrupted forecast.",
)
@click.option(
    "--couple",
    is_flag=True,
    help="SUITE describes coupled forecasts of several checkpoints (anemoi-plugin-coupling).",
)
@dask_options("Make forecasts from several dates at once,")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
@log_option
@computing_options
def command(
    checkpoint: Path,
    overrides: tuple[str, ...],
    dates: tuple[str, ...],
    lead_time: str,
    paths: tuple[str, ...],
    output_name: str | None,
    options: tuple[str, ...],
    postprocess: tuple[str, ...],
    sources: tuple[str, ...],
    boundary: tuple[str, ...],
    members: int,
    persist: tuple[str, ...],
    limit: float,
    allow_unusual: tuple[str, ...],
    seeds: tuple[int, ...],
    perturb: str | None,
    precision: Precision,
    overwrite: bool,
    restart: bool,
    couple: bool,
    dask: bool,
    dask_scheduler: str | None,
    as_json: bool,
    log: IO[str] | None,
    device: str,
    trust_code: bool,
    allow_different_versions: bool,
) -> None:
    """Make a forecast from CHECKPOINT and write it to FILE; or the forecasts that a SUITE describes.

    The checkpoint, its plugins, the initial states and the output are checked before anything is
    computed, and FILE appears when it is whole or not at all. A SUITE is a YAML file with a checkpoint, a
    source, dates, members and outputs with their chains; OVERRIDES change its values.

    \b
    anemoi forecast model.safetensors --date 2025-12-22T00 --lead-time 72h --output forecast.zarr
    anemoi forecast model.safetensors --date 2025-12-22T00 --output forecast.zarr \\
        --source /data/analysis.zarr --members 4 --perturb gaussian
    anemoi forecast model.safetensors --date 2025-12-01/2025-12-10/24h --output '{date}.zarr' --restart
    anemoi forecast suite.yaml --date 2025-12-22T00 members=4
    anemoi forecast --couple coupled.yaml --lead-time 5d
    """  # noqa: D301 (click needs the \b, which a raw string has not)
    if couple:
        from .forecast_suite import hand_over

        hand_over(checkpoint, overrides, click.get_current_context())
        return
    events = EventLog(log)
    with events.failures():
        if checkpoint.suffix in ENDINGS:
            from .forecast_suite import of_suite

            request = of_suite(checkpoint, overrides, click.get_current_context())
        elif overrides:
            raise click.UsageError(f"Got unexpected extra arguments ({' '.join(overrides)})")
        else:
            if absent := [name for name, given in (("--date", dates), ("--output", paths)) if not given]:
                raise click.UsageError(f"Missing option {' and '.join(absent)}.")
            request = Request(
                checkpoint=checkpoint,
                dates=dates,
                lead_time=lead_time,
                destinations=lambda: _destinations(paths, output_name, options, postprocess),
                sources=lambda loaded: source_specs(
                    (*sources, *boundary_source(boundary, loaded.configuration)),
                    trained_on(loaded.configuration),
                ),
                device=device,
                trust_code=trust_code,
                allow_different_versions=allow_different_versions,
                dask=dask or dask_scheduler is not None,
                dask_scheduler=dask_scheduler,
                how={
                    "members": members,
                    "persist": persist,
                    "seed": seeds,
                    "perturbation": component_spec(perturb, "--perturb") if perturb else None,
                    "limit": limit,
                    "allow_unusual": allow_unusual,
                    "precision": precision,
                    "overwrite": overwrite,
                    "restart": restart,
                },
            )
        run(request, events, as_json=as_json)


def _destinations(
    paths: tuple[str, ...], name: str | None, options: tuple[str, ...], postprocess: tuple[str, ...]
) -> list[Destination]:
    from ..forecasting import destinations

    return destinations(paths, name, output_options(options), postprocess_steps(postprocess, paths))
