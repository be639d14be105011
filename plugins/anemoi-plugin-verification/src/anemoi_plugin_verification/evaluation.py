"""Forecasts against the truth, persistence and climatology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import State

from .area import Area
from .climatology import Climatology
from .fields import read_fields, refuse
from .metric import Array, Field, Metric
from .metrics import AnomalyCorrelation, Bias, RootMeanSquareError
from .past_states import PastStates
from .scores import (
    CLIMATE_ENSEMBLE,
    CLIMATOLOGY,
    LAGGED_ENSEMBLE,
    MODEL,
    PERSISTENCE,
    RMSE,
    Evaluation,
    Values,
)

Metrics = Mapping[str, Callable[..., Metric]]
"""What builds each metric, from ``domain`` and ``lead_times``, by name."""

STANDARD: Final[Metrics] = MappingProxyType(
    {RMSE: RootMeanSquareError, "acc": AnomalyCorrelation, "bias": Bias}
)


@dataclass(frozen=True)
class Scored:
    """One forecast that was scored, of the size of scores; it crosses processes.

    Parameters
    ----------
    domain
        The name of its domain.
    start
        When it starts.
    lead_times
        Of its states after the start.
    metrics
        Of this date alone, by the name of the metric and the forecaster.
    """

    domain: str
    start: np.datetime64
    lead_times: list[np.timedelta64]
    metrics: Mapping[tuple[str, str], Metric]


class Evaluator:
    """Scores the forecasts of one domain against the truth in a source, one forecast at a time.

    All forecasters are scored over the same cells: those where the truth is defined, and with it the state
    at the start and the climatology.

    Parameters
    ----------
    source
        The truth, on the grid of the forecasts.
    climatology
        Of ``domain.outputs``, on the same grid; without one, None, scores that need it are NaN.
    domain
        What the forecasts are of: their variables are its outputs, in order.
    metrics
        What is computed; the root-mean-square error is, whether it is named or not.
    area
        Whose cells are scored; all if None.
    past
        The climatological ensemble, which is then scored too.

    Raises
    ------
    DataError
        If no cell lies in the area.
    """

    def __init__(
        self,
        source: DataSource,
        climatology: Climatology | None,
        *,
        domain: Domain,
        metrics: Metrics = STANDARD,
        area: Area | None = None,
        past: PastStates | None = None,
    ) -> None:
        self._past = past
        self._outside = None if area is None else ~area.cells(domain.grid)
        self._source, self._climatology, self._domain = source, climatology, domain
        self._builders = {RMSE: RootMeanSquareError, **metrics}
        self._missing = {name for name in domain.outputs if domain[name].may_be_missing}
        self._name = ""
        self._starts: list[np.datetime64] = []
        self._lead_times: list[np.timedelta64] = []
        self._totals: dict[tuple[str, str], Metric] = {}
        self._by_start: dict[tuple[str, str], list[Array]] = {}

    def add(self, forecast: Iterable[State]) -> None:
        """Score one forecast; initial states (lead time zero) are passed over.

        Raises
        ------
        DataError
            As :meth:`score` and :meth:`take` do.
        """
        self.take(self.score(forecast))

    def score(self, forecast: Iterable[State], lagged: Iterable[State] | None = None) -> Scored:
        """Score one forecast by itself, in any process; :meth:`take` adds it to the others.

        Parameters
        ----------
        forecast
            The states of one forecast.
        lagged
            Those of the lagged ensemble at the same lead times, which is then scored too.

        Raises
        ------
        DataError
            If it does not fit the source, the source has not the truth at some time, or a value is not
            finite.
        """
        states = [state for state in forecast if state.lead_time > np.timedelta64(0, "s")]
        if not states:
            raise DataError("A forecast without a state after its start cannot be verified.")
        lead_times = [state.lead_time for state in states]
        predicted = self._fields_of(states)
        initial, normal, truth = self._expected(states)
        gaps = ~np.isfinite(predicted).all(axis=1) & ~np.isnan(truth)
        times = [state.valid_time for state in states]
        refuse(gaps, self._domain.outputs, f"The forecast from {states[0].start}", times)
        forecasts: dict[str, Field] = {
            MODEL: predicted,
            PERSISTENCE: np.repeat(initial[None], len(times), axis=0)[:, None],
            CLIMATOLOGY: normal[:, None],
        }  # each (lead times, members, grid, variable)
        if self._past is not None:
            members = np.stack([self._past.at(time) for time in times])
            # A variable may have been undefined then, as under sea ice; its mean stands for it.
            forecasts[CLIMATE_ENSEMBLE] = np.where(np.isnan(members), normal[:, None], members)
        if lagged is not None:
            forecasts[LAGGED_ENSEMBLE] = self._fields_of(list(lagged))
        metrics: dict[tuple[str, str], Metric] = {}
        for name, build in self._builders.items():
            for who, fields in forecasts.items():
                metric = build(domain=self._domain, lead_times=np.array(lead_times, "timedelta64[s]"))
                # A reference of one state is a distribution without width: that of any number of copies.
                copies = 1 if who == MODEL else -(-metric.least_members // fields.shape[1])
                metric.update(np.repeat(fields, copies, axis=1), truth, normal)
                metrics[name, who] = metric
        return Scored(states[0].domain, states[0].start, lead_times, metrics)

    def take(self, scored: Scored) -> None:
        """Add one forecast that was scored. The same in the same order give the same scores, to the bit.

        Raises
        ------
        DataError
            If it has other lead times than those before it.
        """
        if not self._starts:
            self._name, self._lead_times = scored.domain, scored.lead_times
        elif scored.lead_times != self._lead_times:
            raise DataError(
                f"The forecast from {scored.start} has other lead times than that from {self._starts[0]}."
            )
        for key, metric in scored.metrics.items():
            self._by_start.setdefault(key, []).append(metric.compute())
            if key in self._totals:
                self._totals[key].merge(metric)
            else:
                self._totals[key] = metric
        self._starts.append(scored.start)

    def evaluation(self) -> Evaluation:
        """Give the scores of all forecasts so far.

        Raises
        ------
        DataError
            If there is none.
        """
        if not self._starts:
            raise DataError("There is no forecast to verify.")
        metrics = {}
        for name in self._builders:
            totals = {who: total for (of, who), total in self._totals.items() if of == name}
            metrics[name] = Values(
                totals[MODEL],
                {who: total.compute() for who, total in totals.items()},
                {who: np.stack(self._by_start[name, who]) for who in totals},
                {who: details for who, total in totals.items() if (details := total.details())},
            )
        return Evaluation(
            domain=self._name,
            variables=self._domain.outputs,
            units={**self._source.units, **self._domain.units},
            starts=np.array(self._starts, "datetime64[s]"),
            lead_times=np.array(self._lead_times, "timedelta64[s]"),
            metrics=metrics,
        )

    def _expected(self, states: list[State]) -> tuple[Array, Array, Array]:
        """Read the state at the start ``(grid, variable)``, the climatology and the truth.

        These are ``(lead times, grid, variable)``; the truth is NaN where one of the others is, and outside
        the area.
        """
        times = [state.valid_time for state in states]
        initial, *truth = read_fields(
            self._source, self._domain.outputs, [states[0].start, *times], may_be_missing=self._missing
        )
        unknown = np.isnan(initial)
        if self._outside is not None:
            unknown = unknown | self._outside[:, None]
        if self._climatology is None:
            normal = np.full((len(times), *initial.shape), np.nan)
            return initial, normal, np.where(unknown, np.nan, np.stack(truth))
        normal = np.stack([self._climatology.at(time) for time in times])
        return initial, normal, np.where(unknown | np.isnan(normal), np.nan, np.stack(truth))

    def _fields_of(self, states: list[State]) -> Field:
        """The fields of the states, ``(lead times, members, grid, variable)``; refuse what does not fit."""
        fields = np.stack([state.fields for state in states])
        points, variables = len(self._source.grid), self._domain.outputs
        if fields.shape[2:] != (points, len(variables)):
            raise DataError(
                f"The forecast has {fields.shape[2]} points of {fields.shape[3]} variables, "
                f"but the data have {points} points and {len(variables)} variables were named.",
                fix="Verify against a source on the grid of the checkpoint.",
            )
        return fields


def evaluate(
    forecasts: Iterable[Iterable[State]],
    source: DataSource,
    climatology: Climatology | None,
    *,
    domain: Domain,
    metrics: Metrics = STANDARD,
    area: Area | None = None,
) -> Evaluation:
    """Score forecasts against the truth in a source, beside persistence and climatology.

    One forecast is held at a time.

    Parameters
    ----------
    forecasts
        For each start date, the states of one forecast, all with the same lead times.
    source, climatology, domain, metrics, area
        As for :class:`Evaluator`.

    Raises
    ------
    DataError
        If there is no forecast, or one will not do.
    """
    evaluator = Evaluator(source, climatology, domain=domain, metrics=metrics, area=area)
    for forecast in forecasts:
        evaluator.add(forecast)
    return evaluator.evaluation()
