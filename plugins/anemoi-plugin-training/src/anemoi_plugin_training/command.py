"""The command ``anemoi train``."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
from anemoi.core.cli.options import dask_options
from anemoi.core.errors import AnemoiError, ConfigError

from .processes import rank, world

if TYPE_CHECKING:
    from anemoi.core.config import Composition

    from .run import Training
    from .statistics import Track


@click.command()
@click.argument("overrides", nargs=-1)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Directory of the run, made anew.  [default: runs/ and the date and time]",
)
@click.option(
    "--config-from",
    metavar="CHECKPOINT",
    type=click.Path(path_type=Path),
    help="Begin with the whole configuration that CHECKPOINT was trained with, whatever the files say now.",
)
@click.option(
    "--from",
    "start",
    metavar="CHECKPOINT",
    type=click.Path(path_type=Path),
    help="Begin with the weights of CHECKPOINT; what does not fit is listed, and must be chosen.",
)
@click.option(
    "--resume",
    metavar="RUN",
    type=click.Path(path_type=Path),
    help="Go on with the run in the directory RUN, from the last state that it saved.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the model's parameters and memory by part, and train nothing; no values are read.",
)
@click.option(
    "--profile",
    "profiled",
    is_flag=True,
    help="Take 13 steps, print where the time and the memory of the last 10 went, and leave a trace.",
)
@click.option(
    "--multirun",
    is_flag=True,
    help="Train once for each combination of values (training.seed=0,1,2), each in a run of its own in "
    "the directory; the same command again goes on.",
)
@click.option(
    "--only",
    metavar="NUMBER",
    type=click.IntRange(0),
    help="With --multirun: take only the run of this number, as an array of batch jobs does.",
)
@dask_options("With --multirun: take the runs at the same time,")
@click.option(
    "--trust-code",
    is_flag=True,
    help="With --config-from and --resume: run code that the configuration names outside any plugin.",
)
def command(
    overrides: tuple[str, ...],
    output: Path | None,
    config_from: Path | None,
    start: Path | None,
    resume: Path | None,
    dry_run: bool,
    profiled: bool,
    multirun: bool,
    only: int | None,
    dask: bool,
    dask_scheduler: str | None,
    trust_code: bool,
) -> None:
    """Train a model.

    OVERRIDES change the configuration: `model=NAME` chooses, `training.steps=1000` sets,
    `+experiment=NAME` adds a whole experiment. With none, a small model of mean sea level pressure is
    trained on the sample data: some minutes on two cores. `anemoi config show` prints what it comes to.

    The run's directory receives `checkpoint.safetensors`, all that a forecast needs. A run that had to leave
    before (a signal, training.time_limit) exits with 75, and --resume goes on with it.
    """
    from anemoi.core.allocation import keep_freed_memory

    from .progress import Progress, reading

    if start is not None:
        overrides = (*overrides, f"training.start.checkpoint={quoted(str(start.absolute()))}")
    if multirun:
        if resume or config_from or dry_run or profiled:
            raise click.UsageError("--multirun goes together with --output, --from, --only and --dask alone.")
        over = _Dask(dask_scheduler) if dask or dask_scheduler is not None else None
        _sweep(overrides, output, only, trust_code, over)
        return
    if only is not None:
        raise click.UsageError("--only chooses among the runs of --multirun.")
    if dask or dask_scheduler is not None:
        raise click.UsageError("--dask spreads the runs of --multirun over a cluster.")
    if dry_run:
        from .sizes import sizes

        click.echo(sizes(_composition(overrides, config_from, trust_code)))
        return
    directory = resume or output or _now()
    if resume is not None and (output or config_from or start or profiled):
        raise click.UsageError("--resume goes on in the same directory with the same configuration.")
    main = rank() == 0  # of several processes one tells, and has the directory
    if resume is None and main:
        check_free(directory)
    training = _prepare(overrides, config_from, resume, trust_code, reading)
    if main:
        click.echo(training.summary)
    keep_freed_memory()
    if profiled:
        _profile(training, directory)
        return
    began = time.monotonic()
    with Progress(training.phases, quiet=not main) as progress:
        path = training.run(
            directory, resume=resume is not None, on_step=progress.step, on_wait=progress.wait
        )
    if main:
        click.echo(f"Trained in {time.monotonic() - began:.0f} s. The checkpoint is {path}")


def _now() -> Path:
    return Path("runs") / datetime.now(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S")


@dataclass(frozen=True)
class _Dask:
    """That a sweep goes over a Dask cluster, and where its scheduler is, if the user says so."""

    scheduler: str | None


def _sweep(
    overrides: tuple[str, ...], output: Path | None, only: int | None, trust_code: bool, over: _Dask | None
) -> None:
    from .sweep import planned, take

    if world() > 1:
        raise click.UsageError("--multirun begins each run by itself, and not under torchrun.")
    runs = planned(overrides, output or _now())
    if only is not None and only >= len(runs):
        raise click.UsageError(f"--only: the sweep has {len(runs)} runs, from 0 to {len(runs) - 1}.")
    chosen = runs if only is None else [runs[only]]
    options = ["--trust-code"] if trust_code else []
    if over is None:
        take(chosen, options=options, tell=_tell)
        return
    import torch
    from anemoi.core.cluster import cluster
    from anemoi.core.forecasting.cluster import processes_for

    from .sweep_on_dask import take_on

    requirement = "anemoi-plugin-training[dask]"
    with cluster(over.scheduler, processes=processes_for(len(chosen)), requirement=requirement) as client:
        take_on(client, chosen, options=options, threads=torch.get_num_threads(), tell=_tell)


def _tell(line: str) -> None:
    click.echo(line, err=True)


def _profile(training: Training, directory: Path) -> None:
    from .profiling import TRACE, profile_steps

    main = rank() == 0
    profile = profile_steps(training.optimisation(), directory, writes=main)
    if main:
        click.echo(f"{profile}\nThe trace is {directory / TRACE}: open it in https://ui.perfetto.dev")


def _prepare(
    overrides: tuple[str, ...],
    config_from: Path | None,
    resume: Path | None,
    trust_code: bool,
    track: Track,
) -> Training:
    """Build and check the training; an error for what is not installed here tells of all of it."""
    from .earlier import PRIMARY, interrupted
    from .lacking import lacking
    from .preparation import prepare
    from .settings import Settings

    if resume is not None:
        return prepare(interrupted(resume, overrides, trust_code=trust_code), run=resume, track=track)
    try:
        return prepare(_composition(overrides, config_from, trust_code), track=track)
    except ConfigError as error:
        if config_from is not None:
            raise
        raise lacking(PRIMARY, overrides, Settings) or error from error


def _composition(overrides: tuple[str, ...], config_from: Path | None, trust_code: bool) -> Composition:
    from anemoi.core.config import compose

    from .earlier import PRIMARY, recorded

    if config_from is not None:
        return recorded(config_from, overrides, trust_code=trust_code)
    return compose(PRIMARY, overrides)


def quoted(text: str) -> str:
    """Write a text as the value of an override, whatever characters it has."""
    # A backslash is itself, but before a quotation mark.
    return "'" + re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + (r"\'" if found[2] else ""), text) + "'"


def check_free(directory: Path) -> None:
    """Refuse a directory that exists, or that cannot be made.

    Raises
    ------
    AnemoiError
        If so.
    """
    if directory.exists():
        raise AnemoiError(f"{directory} exists.", fix="Choose another directory with --output, or remove it.")
    parent = next(parent for parent in directory.absolute().parents if parent.exists())
    if not (parent.is_dir() and os.access(parent, os.W_OK | os.X_OK)):
        raise AnemoiError(f"No directory can be made in {parent}.", fix="Choose another place with --output.")
