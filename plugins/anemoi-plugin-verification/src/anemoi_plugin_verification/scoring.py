"""Forecasts made and scored date by date, here or on the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from anemoi.core.interfaces.output import State
from anemoi.core.model import ForecastModel

from .area import Area
from .climatology import Climatology
from .evaluation import Evaluator, Metrics, Scored
from .period import Period
from .references import past_states


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A cluster, and how its workers come to the data.

    Parameters
    ----------
    connect
        Connects to the cluster, for so many forecasts, as :func:`anemoi.core.cluster.cluster` does.
    sources
        What builds the source of each domain, there.
    past
        What builds those of the climatology, where they are others.
    """

    connect: Callable[[int], AbstractContextManager[Any]]
    sources: Callable[[], Sources]
    past: Callable[[], Sources] | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is done for each date.

    Parameters
    ----------
    climatologies
        Of each domain that is scored.
    past
        The period that each is of, whose states are the climatological ensemble of a forecast with several
        members.
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
    lagged
        How many forecasts make the lagged ensemble; there is none of one.
    """

    climatologies: Mapping[str, Climatology | None]
    past: Mapping[str, Period | None]
    metrics: Metrics
    lead_time: np.timedelta64
    how: Mapping[str, Any]
    building: Mapping[str, bool]
    area: Area | None = None
    lagged: int = 1

    def evaluators(self, checkpoint: Checkpoint, sources: Sources, past: Sources) -> dict[str, Evaluator]:
        """What scores each domain, against ``sources``; ``past`` has the states of the climatology."""
        domains, members = checkpoint.domains, self.how["members"]
        return {
            name: Evaluator(
                sources[name],
                normal,
                domain=domains[name],
                metrics=self.metrics,
                area=self.area,
                past=past_states(domains[name], past[name], self.past[name], members),
            )
            for name, normal in self.climatologies.items()
        }

    def score(
        self,
        checkpoint: Checkpoint,
        model: ForecastModel,
        sources: Sources,
        evaluators: Mapping[str, Evaluator],
        start: np.datetime64,
    ) -> dict[str, Scored]:
        """Make the forecast from one date, and score it in each domain.

        Raises
        ------
        AnemoiError
            If it cannot be made or scored.
        """
        states = list(forecast(checkpoint, sources, start, self.lead_time, model=model, **self.how))
        lagged = self._lagged(checkpoint, model, sources, states)
        return {
            name: evaluator.score(_of(name, states), None if lagged is None else _of(name, lagged))
            for name, evaluator in evaluators.items()
        }

    def _lagged(
        self, checkpoint: Checkpoint, model: ForecastModel, sources: Sources, states: Sequence[State]
    ) -> list[State] | None:
        """The first member of a forecast and of those from earlier starts, as the members of one."""
        if self.lagged == 1:
            return None
        step = next(iter(checkpoint.steps.values())).step
        alone = {**self.how, "members": 1, "perturbation": None}
        made = {(state.domain, state.valid_time): [state.fields[:1]] for state in states}
        for earlier in range(1, self.lagged):
            start, lead_time = states[0].start - earlier * step, self.lead_time + earlier * step
            for state in forecast(checkpoint, sources, start, lead_time, model=model, **alone):
                if (key := (state.domain, state.valid_time)) in made:
                    made[key].append(state.fields)
        return [
            State(
                state.start,
                state.lead_time,
                np.concatenate(made[state.domain, state.valid_time]),
                state.domain,
            )
            for state in states
            if state.lead_time > np.timedelta64(0, "s")
        ]


def _of(domain: str, states: Iterable[State]) -> list[State]:
    return [state for state in states if state.domain == domain]


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
        past=spread.past,
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
    past: Callable[[], Sources] | None
    plan: Plan
    threads: int
    directory: str


def _score(packed: bytes, start: np.datetime64) -> dict[str, Scored]:
    prepared = _prepared(packed)
    return prepared.plan.score(
        prepared.checkpoint, prepared.model, prepared.sources, prepared.evaluators, start
    )


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """What a worker keeps from one date to the next."""

    plan: Plan
    checkpoint: Checkpoint
    model: ForecastModel
    sources: Sources
    evaluators: Mapping[str, Evaluator]


@lru_cache(maxsize=1)  # a worker takes many dates
def _prepared(packed: bytes) -> _Prepared:
    work: _Work = taken_up(packed)
    checkpoint = load(work.checkpoint)
    if checkpoint.identity != work.identity:
        raise RequestError(
            f"The checkpoint {work.checkpoint} is another one on the worker.",
            fix="Give a path that all workers share.",
        )
    sources = work.sources()
    return _Prepared(
        plan=work.plan,
        checkpoint=checkpoint,
        model=build_model(checkpoint, **work.plan.building),
        sources=sources,
        evaluators=work.plan.evaluators(checkpoint, sources, sources if work.past is None else work.past()),
    )


def scores_here(
    checkpoint: Checkpoint,
    model: ForecastModel,
    sources: Sources,
    plan: Plan,
    starts: Iterable[np.datetime64],
    evaluators: Mapping[str, Evaluator],
) -> Iterator[dict[str, Scored]]:
    """Make and score the forecasts from some dates, one after another."""
    for start in starts:
        yield plan.score(checkpoint, model, sources, evaluators, start)
