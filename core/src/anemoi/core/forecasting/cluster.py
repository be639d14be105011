"""Forecasts from many dates, and their members, at once over the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..checkpoint import Checkpoint, build_model, load
from ..cluster import taken_up
from ..errors import RequestError
from ..files import hidden_beside, leftovers, remove
from ..model import ForecastModel
from .batch import Batch, Task, prepare
from .destination import Destination
from .initial import Sources, by_domain, lead_times
from .journal import ForecastJournal
from .members import MadeMembers, MemberSource, member_place, seeds_of
from .perturbing import initial_inputs, perturbation_of
from .rollout import Forecast, describe
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

    Members are computed by one worker each, which leaves its steps in a hidden journal beside the first file;
    another puts them together.

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
        "perturbation": batch.perturbation,
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
            futures.append(_submitted(client, packed, first.members) if packed else None)
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
        for each in leftovers(*(place for task in batch.tasks for place in _member_places(task))):
            remove(each)
        batch.locks.release()


def _submitted(client: Any, packed: bytes, members: int) -> Any:
    """Have a forecast made: each of several members for itself, then the files of all."""
    apart = range(members) if members > 1 else ()
    journals = [client.submit(_make_member, packed, member, pure=False) for member in apart]
    return client.submit(_make, packed, journals, pure=False)


def _member_places(task: Task) -> list[Path]:
    first = Path(task.paths[0]).expanduser().absolute()
    return [member_place(first, member) for member in range(next(iter(task.forecasts.values())).members)]


def _make_member(packed: bytes, member: int) -> str:
    """Compute one member, on a worker; give the path of the journal of its steps."""
    job = taken_up(packed)
    spread, how = job.spread, job.how
    checkpoint, device = _loaded(job.checkpoint, job.identity), torch.device(how["device"])
    model = _built(job).to(device).eval()
    seed = seeds_of(how["seed"], how["members"])[member]
    sources = {
        name: MemberSource(source, member) for name, source in by_domain(checkpoint, spread.sources()).items()
    }
    inputs = initial_inputs(
        model,
        sources,
        job.start,
        [seed],
        perturbation_of(how["perturbation"], trust_code=spread.trust_code),
        first=member,
        persist=how["persist"],
        allow_unusual=how["allow_unusual"],
        device=device,
    )
    first = Path(spread.destinations[0].of_date(job.start)).expanduser().absolute()
    path = hidden_beside(member_place(first, member))
    Forecast(
        describe(checkpoint, sources, job.start, lead_times(checkpoint, spread.lead_time), 1),
        model,
        inputs,
        (seed,),
        ForecastJournal(path, {}, {}),
        how["limit"],
        how["precision"],
    ).compute()
    return str(path)


def _make(packed: bytes, journals: Sequence[str]) -> None:
    """Make one forecast, on a worker; of the journals of its members, if these were computed before."""
    job = taken_up(packed)
    spread = job.spread
    batch = prepare(
        _loaded(job.checkpoint, job.identity),
        spread.sources(),
        [job.start],
        spread.destinations,
        spread.lead_time,
        model=_built(job),
        trust_code=spread.trust_code,
        allow_different_versions=spread.allow_different_versions,
        checked=job.provenance,
        **job.how,
    )
    if journals:
        batch = replace(batch, made=MadeMembers(journals, batch.model, batch.device))
    for _ in batch.run(keep_journals=True):
        pass
    for journal in journals:
        remove(Path(journal))


@lru_cache(maxsize=1)  # a worker makes many forecasts
def _loaded(path: str, identity: str | None) -> Checkpoint:
    checkpoint = load(path)
    if checkpoint.identity != identity:
        raise RequestError(
            f"The checkpoint {path} is another one on the worker.", fix="Give a path that all workers share."
        )
    return checkpoint


def _built(job: _Job) -> ForecastModel:
    spread = job.spread
    return _model(job.checkpoint, job.identity, spread.trust_code, spread.allow_different_versions)


@lru_cache(maxsize=1)
def _model(
    path: str, identity: str | None, trust_code: bool, allow_different_versions: bool
) -> ForecastModel:
    return build_model(
        _loaded(path, identity), trust_code=trust_code, allow_different_versions=allow_different_versions
    )


def processes_for(jobs: int) -> int:
    """How many processes of this machine do so many jobs at once, each with its threads."""
    return min(max(jobs, 1), max(1, _processors() // torch.get_num_threads()))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
