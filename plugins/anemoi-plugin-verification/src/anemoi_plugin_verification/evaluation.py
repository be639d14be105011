"""Forecasts against the truth, persistence and climatology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.interfaces.output import State
from numpy.typing import NDArray

from .climatology import Climatology
from .fields import read_fields, refuse_gaps
from .metrics import anomaly_correlation, bias, rmse, skill_score

MODEL, PERSISTENCE, CLIMATOLOGY = "model", "persistence", "climatology"
FORECASTERS = (MODEL, PERSISTENCE, CLIMATOLOGY)


@dataclass(frozen=True)
class Score:
    """The scores of one variable at one lead time, means over start dates, by forecaster."""

    variable: str
    lead_time: np.timedelta64
    rmse: Mapping[str, float]
    bias: Mapping[str, float]
    acc: Mapping[str, float]
    skill: Mapping[str, float]
    """The skill score of the model's root-mean-square error against each reference."""
    starts_better_than_persistence: int
    """For how many start dates the model's root-mean-square error is the smaller one."""


@dataclass(frozen=True)
class Evaluation:
    """The scores of every forecast: each ``(starts, lead times, variables)``, by forecaster.

    Parameters
    ----------
    variables, units
        What was verified, and in which units errors and biases are.
    starts
        When the forecasts start, ``(starts,)``.
    lead_times
        ``(lead times,)`` timedelta64[s].
    rmse, bias, acc
        As in :mod:`anemoi_plugin_verification.metrics`, for ``model``, ``persistence`` (the state at
        the start) and ``climatology``, whose anomaly correlation is not a number.
    """

    variables: tuple[str, ...]
    units: Mapping[str, str]
    starts: Times
    lead_times: NDArray[np.timedelta64]
    rmse: Mapping[str, NDArray[np.float64]]
    bias: Mapping[str, NDArray[np.float64]]
    acc: Mapping[str, NDArray[np.float64]]

    def scores(self) -> Iterator[Score]:
        """Take the means over start dates, variable by variable, each in order of lead time."""
        mean = {
            name: {who: values.mean(axis=0) for who, values in by_forecaster.items()}
            for name, by_forecaster in (("rmse", self.rmse), ("bias", self.bias), ("acc", self.acc))
        }
        better = (self.rmse[MODEL] < self.rmse[PERSISTENCE]).sum(axis=0)
        for v, variable in enumerate(self.variables):
            for k, lead_time in enumerate(self.lead_times):
                at = {
                    name: {who: float(values[k, v]) for who, values in by_forecaster.items()}
                    for name, by_forecaster in mean.items()
                }
                skill = {
                    reference: float(skill_score(mean["rmse"][MODEL], mean["rmse"][reference])[k, v])
                    for reference in (PERSISTENCE, CLIMATOLOGY)
                }
                yield Score(variable, lead_time, at["rmse"], at["bias"], at["acc"], skill, int(better[k, v]))

    def as_json(self) -> list[dict[str, Any]]:
        """Give the scores as JSON, one object for each variable and lead time; null where not a number."""

        def numbers(values: Mapping[str, float]) -> dict[str, float | None]:
            return {who: value if np.isfinite(value) else None for who, value in values.items()}

        return [
            {
                "variable": score.variable,
                "units": self.units.get(score.variable),
                "lead_time_hours": float(score.lead_time / np.timedelta64(1, "h")),
                "rmse": numbers(score.rmse),
                "bias": numbers(score.bias),
                "acc": numbers(score.acc),
                "skill": numbers(score.skill),
                "starts_better_than_persistence": score.starts_better_than_persistence,
            }
            for score in self.scores()
        ]


def evaluate(
    forecasts: Iterable[Iterable[State]],
    source: DataSource,
    climatology: Climatology,
    *,
    variables: tuple[str, ...],
    units: Mapping[str, str] | None = None,
) -> Evaluation:
    """Score forecasts against the truth in a source, beside persistence and climatology.

    One forecast is held at a time. Of an ensemble, the mean over members is scored.

    Parameters
    ----------
    forecasts
        For each start date, the states of one forecast, all with the same lead times; initial
        states (lead time zero) are passed over.
    source
        The truth, on the grid of the forecasts.
    climatology
        Of the same variables on the same grid.
    variables
        The names of the variables of the forecasts, in the order of their last axis.
    units
        Of the variables; where not given, those of the source.

    Raises
    ------
    DataError
        If there is no forecast, the lead times differ between forecasts, the source has not the
        truth at some time, or a value is not finite.
    """
    areas = source.grid.areas
    starts: list[np.datetime64] = []
    lead_times: list[np.timedelta64] | None = None
    scores: dict[str, dict[str, list[NDArray[np.float64]]]] = {
        name: {who: [] for who in FORECASTERS} for name in ("rmse", "bias", "acc")
    }
    for forecast in forecasts:
        states = [state for state in forecast if state.lead_time > np.timedelta64(0, "s")]
        if not states:
            raise DataError("A forecast without a state after its start cannot be verified.")
        start = states[0].start
        if lead_times is None:
            lead_times = [state.lead_time for state in states]
        elif lead_times != [state.lead_time for state in states]:
            raise DataError(f"The forecast from {start} has other lead times than that from {starts[0]}.")
        starts.append(start)
        times = [state.valid_time for state in states]
        predicted = _fields_of(states, times, source, variables)
        initial, *truth_at = read_fields(source, variables, [start, *times])
        truth = np.stack(truth_at)
        normal = np.stack([climatology.at(time) for time in times])
        # each (lead times, grid, variable)
        rivals = {
            MODEL: predicted,
            PERSISTENCE: np.repeat(initial[None], len(times), axis=0),
            CLIMATOLOGY: normal,
        }
        for who, fields in rivals.items():
            scores["rmse"][who].append(rmse(fields, truth, areas))
            scores["bias"][who].append(bias(fields, truth, areas))
            scores["acc"][who].append(anomaly_correlation(fields, truth, normal, areas))
    if lead_times is None:
        raise DataError("There is no forecast to verify.")
    stacked = {
        name: {who: np.stack(values) for who, values in by_forecaster.items()}
        for name, by_forecaster in scores.items()
    }
    return Evaluation(
        variables=variables,
        units=dict(source.units if units is None else units),
        starts=np.array(starts, "datetime64[s]"),
        lead_times=np.array(lead_times, "timedelta64[s]"),
        rmse=stacked["rmse"],
        bias=stacked["bias"],
        acc=stacked["acc"],
    )


def _fields_of(
    states: Sequence[State], times: Sequence[np.datetime64], source: DataSource, variables: tuple[str, ...]
) -> NDArray[np.float64]:
    """Take the ensemble means of the states, ``(lead times, grid, variable)``; refuse what does not fit."""
    fields = np.stack([state.fields.astype(np.float64).mean(axis=0) for state in states])
    if fields.shape[1:] != (len(source.grid), len(variables)):
        raise DataError(
            f"The forecast has {fields.shape[1]} points of {fields.shape[2]} variables, "
            f"but the data have {len(source.grid)} points and {len(variables)} variables were named.",
            fix="Verify against a source on the grid of the checkpoint.",
        )
    refuse_gaps(fields, variables, f"The forecast from {states[0].start}", times)
    return fields
