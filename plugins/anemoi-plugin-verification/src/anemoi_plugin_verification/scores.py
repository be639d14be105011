"""The scores of forecasts, of persistence and of climatology."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from anemoi.core.interfaces.data_source import Times
from numpy.typing import NDArray

from .formulas import skill_score
from .metric import Array, Metric

MODEL, PERSISTENCE, CLIMATOLOGY = "model", "persistence", "climatology"
CLIMATE_ENSEMBLE, LAGGED_ENSEMBLE = "climatological_ensemble", "lagged_ensemble"
RMSE: Final = "rmse"


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
    details
        Of each metric that has any, by its name and that of the forecaster, arrays by name.
    """

    variable: str
    lead_time: np.timedelta64
    values: Mapping[str, Mapping[str, float]]
    skill: Mapping[str, float]
    starts_better_than_persistence: int
    details: Mapping[str, Mapping[str, Mapping[str, Array]]]

    @property
    def rmse(self) -> Mapping[str, float]:
        """The root-mean-square error of each forecaster."""
        return self.values[RMSE]


@dataclass(frozen=True)
class Values:
    """The values of one metric, for each forecaster.

    These are ``model``, ``persistence`` (the state at the start), ``climatology`` and, where they were
    scored, ``climatological_ensemble`` (states of the past) and ``lagged_ensemble`` (earlier forecasts).

    Parameters
    ----------
    metric
        That of the model, with all start dates in it.
    overall
        Over all start dates, ``(lead times, variables)`` each.
    by_start
        For each start date by itself, ``(starts, lead times, variables)`` each.
    details
        What the values sum up, over all start dates: see :meth:`.Metric.details`.
    """

    metric: Metric
    overall: Mapping[str, Array]
    by_start: Mapping[str, Array]
    details: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)


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
    def forecasters(self) -> tuple[str, ...]:
        """Who was scored: the model, and after it the references."""
        return tuple(self.rmse.overall)

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
                        name: {who: float(values.overall[who][k, v]) for who in self.forecasters}
                        for name, values in self.metrics.items()
                    },
                    {who: float(values[k, v]) for who, values in skill.items()},
                    int(better[k, v]),
                    {
                        name: {
                            who: {about: each[k, v] for about, each in details.items()}
                            for who, details in values.details.items()
                        }
                        for name, values in self.metrics.items()
                        if values.details
                    },
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
                **({"details": _lists(score.details)} if score.details else {}),
            }
            for score in self.scores()
        ]


def _lists(details: Any) -> Any:
    """Arrays in any mappings as lists, null where not a number."""
    if isinstance(details, Mapping):
        return {name: _lists(each) for name, each in details.items()}
    return [_lists(each) if each.ndim else float(each) if np.isfinite(each) else None for each in details]
