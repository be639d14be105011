"""Forecasts from many dates at once, over the workers of a Dask cluster."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..allocation import keep_freed_memory
from ..checkpoint import Checkpoint, build_model, load
from ..errors import PluginError, RequestError
from ..model import ForecastModel
from .batch import Batch, Task, prepare
from .destination import Destination
from .initial import Sources
from .tee import OnFile


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What workers need beyond the batch itself.

    Parameters
    ----------
    sources
        What builds the source of each domain, there.
    destinations
        Where forecasts are written: paths that workers have too.
    lead_time
        How far.
    trust_code, allow_different_versions
        See :func:`anemoi.core.checkpoint.build_model`.
    """

    sources: Callable[[], Sources]
    destinations: Sequence[Destination]
    lead_time: np.timedelta64
    trust_code: bool = False
    allow_different_versions: bool = False


@dataclass(frozen=True, kw_only=True)
class _Job:
    """The forecast from one date, as it travels to a worker."""

    checkpoint: str
    identity: str | None
    spread: Spread
    start: np.datetime64
    provenance: Mapping[str, Any]
    how: Mapping[str, Any]
    threads: int
    directory: str


def run_on(client: Any, batch: Batch, spread: Spread, on_file: OnFile = lambda part: None) -> Iterator[Task]:
    """Make the forecasts of a batch on the workers of a cluster; give each, in their order, when it is whole.

    The files are, byte for byte, those that the batch would write by itself: a worker computes with as many
    threads. One whose worker is lost is made again by another. This process holds the locks until the end.

    Parameters
    ----------
    client
        Of the cluster.
    batch
        All that was checked here.
    spread
        What the workers need beyond it.
    on_file
        Told of each file of a forecast when that is whole.

    Raises
    ------
    AnemoiError
        As :meth:`.Batch.run`, of the first date that fails; those after it that had begun may be whole too.
    RequestError
        If the checkpoint is none that workers could read.
    """
    import cloudpickle  # comes with distributed

    path = batch.checkpoint.path
    if path is None:
        raise RequestError("Workers cannot read a checkpoint that is in no file.", fix="Save it first.")
    how = {
        "persist": batch.persist,
        "seed": batch.seed,
        "limit": batch.limit,
        "allow_unusual": batch.allow_unusual,
        "precision": batch.precision,
        "device": str(batch.device),
    }
    futures = []
    try:
        for task in batch.tasks:
            first = next(iter(task.forecasts.values()))
            job = _Job(
                checkpoint=str(path),
                identity=batch.checkpoint.identity,
                spread=spread,
                start=first.start,
                provenance=first.provenance,
                how={**how, "members": first.members, "restart": task.journal is not None},
                threads=torch.get_num_threads(),
                directory=os.getcwd(),
            )
            # As bytes: what a worker cannot read itself would end the worker, and the next, without a word.
            packed = cloudpickle.dumps(job) if task.parts else None
            futures.append(client.submit(_make, packed, pure=False) if packed else None)
        for task, future in zip(batch.tasks, futures, strict=True):
            if future is not None:
                future.result()
                for part in task.parts:
                    on_file(part)
            yield task
        for task in batch.tasks:
            if task.journal is not None:
                task.journal.remove()
    finally:
        client.cancel([future for future in futures if future is not None])
        batch.locks.release()


def _make(packed: bytes) -> None:
    """Make one forecast, on a worker."""
    try:
        job: _Job = pickle.loads(packed)
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"A worker cannot read what it is to do: {error}.",
            fix="Install the same distributions, in the same versions, where the workers are.",
        ) from error
    torch.set_num_threads(job.threads)
    keep_freed_memory()
    try:
        os.chdir(job.directory)  # paths may be relative to it
    except OSError as error:
        raise RequestError(
            f"The worker has no directory {job.directory}: {error.strerror}.",
            fix="Run the command in a directory that all workers share.",
        ) from error
    checkpoint = _loaded(job.checkpoint, job.identity)
    spread = job.spread
    batch = prepare(
        checkpoint,
        spread.sources(),
        [job.start],
        spread.destinations,
        spread.lead_time,
        model=_built(
            job.checkpoint,
            job.identity,
            trust_code=spread.trust_code,
            allow_different_versions=spread.allow_different_versions,
        ),
        trust_code=spread.trust_code,
        allow_different_versions=spread.allow_different_versions,
        checked=job.provenance,
        **job.how,
    )
    for _ in batch.run(keep_journals=True):
        pass


@lru_cache(maxsize=1)  # a worker makes many forecasts
def _loaded(path: str, identity: str | None) -> Checkpoint:
    checkpoint = load(path)
    if checkpoint.identity != identity:
        raise RequestError(
            f"The checkpoint {path} is another one on the worker.", fix="Give a path that all workers share."
        )
    return checkpoint


@lru_cache(maxsize=1)
def _built(
    path: str, identity: str | None, *, trust_code: bool, allow_different_versions: bool
) -> ForecastModel:
    return build_model(
        _loaded(path, identity), trust_code=trust_code, allow_different_versions=allow_different_versions
    )


def processes_for(forecasts: int) -> int:
    """How many processes of this machine make so many forecasts at once, each with its threads."""
    return min(forecasts, max(1, _processors() // torch.get_num_threads()))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
