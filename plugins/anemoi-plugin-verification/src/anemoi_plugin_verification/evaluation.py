"""Forecasts against the truth, persistence and climatology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.interfaces.output import State
from numpy.typing import NDArray

from .climatology import Climatology
from .fields import read_fields, refuse
from .formulas import skill_score
from .metric import Array, Field, Metric
from .metrics import AnomalyCorrelation, Bias, RootMeanSquareError

MODEL, PERSISTENCE, CLIMATOLOGY = "model", "persistence", "climatology"
FORECASTERS = (MODEL, PERSISTENCE, CLIMATOLOGY)
RMSE: Final = "rmse"

Metrics = Mapping[str, Callable[..., Metric]]
"""What builds each metric, from ``domain`` and ``lead_times``, by name."""

STANDARD: Final[Metrics] = MappingProxyType(
    {RMSE: RootMeanSquareError, "acc": AnomalyCorrelation, "bias": Bias}
)


@dataclass(frozen=True)
class Score:
    """The scores of one variable at one lead time, over all start dates.

    Parameters
    ----------
    variable, lead_time
        Of what.
    values
        Of each metric, by its name, the value of each forecaster.
    skill
        The skill score of the model's root-mean-square error against each reference.
    starts_better_than_persistence
        For how many start dates the model's root-mean-square error is the smaller one.
    """

    variable: str
    lead_time: np.timedelta64
    values: Mapping[str, Mapping[str, float]]
    skill: Mapping[str, float]
    starts_better_than_persistence: int

    @property
    def rmse(self) -> Mapping[str, float]:
        """The root-mean-square error of each forecaster."""
        return self.values[RMSE]


@dataclass(frozen=True)
class Values:
    """The values of one metric, for ``model``, ``persistence`` (the state at the start) and ``climatology``.

    Parameters
    ----------
    metric
        That of the model, with all start dates in it.
    overall
        Over all start dates, ``(lead times, variables)`` each.
    by_start
        For each start date by itself, ``(starts, lead times, variables)`` each.
    """

    metric: Metric
    overall: Mapping[str, Array]
    by_start: Mapping[str, Array]


@dataclass(frozen=True)
class Evaluation:
    """The scores of all forecasts of one domain.

    Parameters
    ----------
    domain
        Its name.
    variables, units
        What was verified, and its units.
    starts
        When the forecasts start, ``(starts,)``.
    lead_times
        ``(lead times,)`` timedelta64[s].
    metrics
        The values of each metric by name; ``rmse`` is always among them.
    """

    domain: str
    variables: tuple[str, ...]
    units: Mapping[str, str]
    starts: Times
    lead_times: NDArray[np.timedelta64]
    metrics: Mapping[str, Values]

    @property
    def rmse(self) -> Values:
        """The root-mean-square errors."""
        return self.metrics[RMSE]

    def scores(self) -> Iterator[Score]:
        """Give the scores over all start dates, variable by variable, each in order of lead time."""
        error, errors = self.rmse.overall, self.rmse.by_start
        better = (errors[MODEL] < errors[PERSISTENCE]).sum(axis=0)
        skill = {who: skill_score(error[MODEL], error[who]) for who in (PERSISTENCE, CLIMATOLOGY)}
        for v, variable in enumerate(self.variables):
            for k, lead_time in enumerate(self.lead_times):
                yield Score(
                    variable,
                    lead_time,
                    {
                        name: {who: float(values.overall[who][k, v]) for who in FORECASTERS}
                        for name, values in self.metrics.items()
                    },
                    {who: float(values[k, v]) for who, values in skill.items()},
                    int(better[k, v]),
                )

    def as_json(self) -> list[dict[str, Any]]:
        """Give the scores as JSON, one object for each variable and lead time; null where not a number."""

        def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
            return {who: value if np.isfinite(value) else None for who, value in values.items()}

        return [
            {
                "domain": self.domain,
                "variable": score.variable,
                "units": self.units.get(score.variable),
                "lead_time_hours": float(score.lead_time / np.timedelta64(1, "h")),
                **{name: numbers(values) for name, values in score.values.items()},
                "skill": numbers(score.skill),
                "starts_better_than_persistence": score.starts_better_than_persistence,
            }
            for score in self.scores()
        ]


class Evaluator:
    """Scores the forecasts of one domain against the truth in a source, one forecast at a time.

    All forecasters are scored over the same cells: those where the truth is defined, and with it the state
    at the start and the climatology.

    Parameters
    ----------
    source
        The truth, on the grid of the forecasts.
    climatology
        Of ``domain.outputs``, on the same grid.
    domain
        What the forecasts are of: their variables are its outputs, in order.
    metrics
        What is computed; the root-mean-square error is, whether it is named or not.
    """

    def __init__(
        self, source: DataSource, climatology: Climatology, *, domain: Domain, metrics: Metrics = STANDARD
    ) -> None:
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
            If it does not fit the source or the forecasts before it, the source has not the truth at some
            time, or a value is not finite.
        """
        states = [state for state in forecast if state.lead_time > np.timedelta64(0, "s")]
        if not states:
            raise DataError("A forecast without a state after its start cannot be verified.")
        start, lead_times = states[0].start, [state.lead_time for state in states]
        if not self._starts:
            self._name, self._lead_times = states[0].domain, lead_times
        elif lead_times != self._lead_times:
            raise DataError(
                f"The forecast from {start} has other lead times than that from {self._starts[0]}."
            )
        predicted = self._fields_of(states)
        times = [state.valid_time for state in states]
        initial, *truth_at = read_fields(
            self._source, self._domain.outputs, [start, *times], may_be_missing=self._missing
        )
        normal = np.stack([self._climatology.at(time) for time in times])
        # each (lead times, grid, variable)
        truth = np.where(np.isnan(initial) | np.isnan(normal), np.nan, np.stack(truth_at))
        gaps = ~np.isfinite(predicted).all(axis=1) & ~np.isnan(truth)
        refuse(gaps, self._domain.outputs, f"The forecast from {start}", times)
        forecasts = {
            MODEL: predicted,
            PERSISTENCE: np.repeat(initial[None], len(times), axis=0)[:, None],
            CLIMATOLOGY: normal[:, None],
        }  # each (lead times, members, grid, variable)
        for name, build in self._builders.items():
            for who, fields in forecasts.items():
                metric = build(domain=self._domain, lead_times=np.array(lead_times, "timedelta64[s]"))
                metric.update(fields, truth, normal)
                self._by_start.setdefault((name, who), []).append(metric.compute())
                if (name, who) in self._totals:
                    self._totals[name, who].merge(metric)
                else:
                    self._totals[name, who] = metric
        self._starts.append(start)

    def evaluation(self) -> Evaluation:
        """Give the scores of all forecasts so far.

        Raises
        ------
        DataError
            If there is none.
        """
        if not self._starts:
            raise DataError("There is no forecast to verify.")
        metrics = {
            name: Values(
                self._totals[name, MODEL],
                {who: self._totals[name, who].compute() for who in FORECASTERS},
                {who: np.stack(self._by_start[name, who]) for who in FORECASTERS},
            )
            for name in self._builders
        }
        return Evaluation(
            domain=self._name,
            variables=self._domain.outputs,
            units={**self._source.units, **self._domain.units},
            starts=np.array(self._starts, "datetime64[s]"),
            lead_times=np.array(self._lead_times, "timedelta64[s]"),
            metrics=metrics,
        )

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
    climatology: Climatology,
    *,
    domain: Domain,
    metrics: Metrics = STANDARD,
) -> Evaluation:
    """Score forecasts against the truth in a source, beside persistence and climatology.

    One forecast is held at a time.

    Parameters
    ----------
    forecasts
        For each start date, the states of one forecast, all with the same lead times.
    source, climatology, domain, metrics
        As for :class:`Evaluator`.

    Raises
    ------
    DataError
        If there is no forecast, or one will not do.
    """
    evaluator = Evaluator(source, climatology, domain=domain, metrics=metrics)
    for forecast in forecasts:
        evaluator.add(forecast)
    return evaluator.evaluation()
