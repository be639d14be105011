"""Forecasts made and scored date by date, here or on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from anemoi.core.checkpoint import Checkpoint, build_model, load
from anemoi.core.cluster import taken_up
from anemoi.core.errors import RequestError
from anemoi.core.forecasting import Sources, forecast
from anemoi.core.interfaces.data_source import Times
from anemoi.core.model import ForecastModel

from .area import Area
from .climatology import Climatology
from .evaluation import Evaluator, Metrics, Scored


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A cluster, and how its workers come to the data.

    Parameters
    ----------
    connect
        Connects to the cluster, for so many forecasts, as :func:`anemoi.core.cluster.cluster` does.
    sources
        What builds the source of each domain, there.
    """

    connect: Callable[[int], AbstractContextManager[Any]]
    sources: Callable[[], Sources]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done for each date.

    Parameters
    ----------
    climatologies
        Of each domain that is scored.
    metrics
        What is computed.
    lead_time
        How far to forecast.
    how
        The options of :func:`anemoi.core.forecasting.forecast`.
    building
        Those of :func:`anemoi.core.checkpoint.build_model`.
    area
        Whose cells are scored; all if None.
    """

    climatologies: Mapping[str, Climatology | None]
    metrics: Metrics
    lead_time: np.timedelta64
    how: Mapping[str, Any]
    building: Mapping[str, bool]
    area: Area | None = None

    def evaluators(self, checkpoint: Checkpoint, sources: Sources) -> dict[str, Evaluator]:
        """What scores each domain."""
        return {
            name: Evaluator(
                sources[name],
                normal,
                domain=checkpoint.domains[name],
                metrics=self.metrics,
                area=self.area,
            )
            for name, normal in self.climatologies.items()
        }

    def score(
        self, checkpoint: Checkpoint, model: ForecastModel, sources: Sources, start: np.datetime64
    ) -> dict[str, Scored]:
        """Make the forecast from one date, and score it in each domain.

        Raises
        ------
        AnemoiError
            If it cannot be made or scored.
        """
        made = forecast(checkpoint, sources, start, self.lead_time, model=model, **self.how)
        states = list(made)
        return {
            name: evaluator.score(state for state in states if state.domain == name)
            for name, evaluator in self.evaluators(checkpoint, sources).items()
        }


def scores_on(
    spread: Spread, checkpoint: Checkpoint, plan: Plan, starts: Times
) -> Iterator[dict[str, Scored]]:
    """Make and score the forecasts from some dates on a cluster; give each in their order.

    A worker computes with as many threads as this process, so that scores are the same to the bit. The date
    of a worker that is lost is done again by another.

    Raises
    ------
    AnemoiError
        Of the first date that fails.
    """
    import cloudpickle  # comes with distributed

    if checkpoint.path is None:
        raise RequestError("Workers cannot read a checkpoint that is in no file.", fix="Save it first.")
    work = _Work(
        checkpoint=str(checkpoint.path),
        identity=checkpoint.identity,
        sources=spread.sources,
        plan=plan,
        threads=torch.get_num_threads(),
        directory=os.getcwd(),
    )
    with spread.connect(len(starts)) as client:
        # As bytes: what a worker cannot read itself would end the worker, and the next, without a word.
        # On every worker: what one alone had would be lost with it.
        packed = client.scatter(cloudpickle.dumps(work), broadcast=True, hash=False)
        futures = [client.submit(_score, packed, start, pure=False) for start in starts]
        try:
            for future in futures:
                yield future.result()
        finally:
            client.cancel(futures)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A plan as it travels to workers."""

    checkpoint: str
    identity: str | None
    sources: Callable[[], Sources]
    plan: Plan
    threads: int
    directory: str


def _score(packed: bytes, start: np.datetime64) -> dict[str, Scored]:
    work, checkpoint, model, sources = _prepared(packed)
    return work.plan.score(checkpoint, model, sources, start)


@lru_cache(maxsize=1)  # a worker takes many dates
def _prepared(packed: bytes) -> tuple[_Work, Checkpoint, ForecastModel, Sources]:
    work: _Work = taken_up(packed)
    checkpoint = load(work.checkpoint)
    if checkpoint.identity != work.identity:
        raise RequestError(
            f"The checkpoint {work.checkpoint} is another one on the worker.",
            fix="Give a path that all workers share.",
        )
    return work, checkpoint, build_model(checkpoint, **work.plan.building), work.sources()


def scores_here(
    checkpoint: Checkpoint,
    model: ForecastModel,
    sources: Sources,
    plan: Plan,
    starts: Iterable[np.datetime64],
) -> Iterator[dict[str, Scored]]:
    """Make and score the forecasts from some dates, one after another."""
    for start in starts:
        yield plan.score(checkpoint, model, sources, start)
