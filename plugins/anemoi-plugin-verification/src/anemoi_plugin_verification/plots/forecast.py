"""What is drawn of a validation, as it travels to the process that draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from anemoi.core.grid import Grid
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anemoi_plugin_training import ValidationState

Field = NDArray[np.float32]


@dataclass(eq=False)
class Forecast:
    """The forecast of one domain from one date beside the truth, and the errors over all dates.

    Parameters
    ----------
    grid
        Of the fields.
    start
        When it starts.
    units
        Of every variable that is forecast, by name.
    deviations
        The standard deviation of each in the training period.
    columns
        The places of those of which there are fields, among all.
    lead_times
        When the states are valid, relative to the start.
    forecasts
        Of each state, ``(ensemble, grid, variable)``.
    truths
        Of each state, ``(grid, variable)``, NaN where there is none.
    errors
        The root-mean-square errors over all dates by lead time, of each variable that is forecast.
    """

    grid: Grid
    start: np.datetime64
    units: Mapping[str, str]
    deviations: Mapping[str, float]
    columns: Mapping[str, int]
    lead_times: list[np.timedelta64] = field(default_factory=list)
    forecasts: list[Field] = field(default_factory=list)
    truths: list[Field] = field(default_factory=list)
    errors: dict[str, dict[np.timedelta64, float]] = field(default_factory=dict)
    _metrics: dict[np.timedelta64, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: ValidationState, variables: Sequence[str]) -> Forecast:
        """Begin with the domain and the start of a state; ``variables`` are those whose fields are kept."""
        domain, outputs = state.domain, state.domain.outputs
        deviations = domain.statistics[domain.columns(outputs)].stdev
        return cls(
            grid=domain.grid,
            start=state.start,
            units={name: domain.units.get(name, "") for name in outputs},
            deviations=dict(zip(outputs, deviations.tolist(), strict=True)),
            columns={name: outputs.index(name) for name in variables},
        )

    def add(self, state: ValidationState) -> None:
        """Copy a state, the variables that are drawn alone."""
        columns = list(self.columns.values())
        self.lead_times.append(state.lead_time)
        self.forecasts.append(state.forecast[..., columns].float().cpu().numpy().copy())
        self.truths.append(state.truth[..., columns].float().mean(0).cpu().numpy().copy())
        self._metrics[state.lead_time] = state.metrics

    def score(self, metrics: Mapping[str, float]) -> None:
        """Take the errors over all dates from the metrics of the step."""
        for variable in self.units:
            named = {lead_time: names[variable] for lead_time, names in self._metrics.items()}
            self.errors[variable] = {lead: metrics[name] for lead, name in named.items() if name in metrics}


@dataclass(frozen=True)
class Drawing:
    """The pictures of one validation.

    Parameters
    ----------
    directory
        Where they are put.
    step
        After which it was made.
    forecasts
        By domain.
    """

    directory: Path
    step: int
    forecasts: Mapping[str, Forecast]
