"""A trial forecast of two domains from random states, which records the inputs that a perturbation takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.forecasting.inputs import Inputs
from anemoi.core.graph import DATA
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.interfaces.model import Fields
from anemoi.core.interfaces.perturbation import Analysis
from anemoi.core.model.forecast_model import ForecastModel
from anemoi.core.objectives import Rollout
from numpy.typing import NDArray
from torch import Tensor

from ._domains import FREQUENCY, VARIABLES, data_domain, states, usual_chain
from ._graphs import spread_grid
from ._layer_runs import perturbed
from ._reference import LinearModel

START: Final = np.datetime64("2020-03-01T00", "s")
MEMBERS: Final = 4
"""How many members the ensemble has, with the control."""

_GRIDS: Final = {DATA: spread_grid(15), "sea": spread_grid(9)}


class RandomStates(DataSource):
    """States of :data:`._domains.VARIABLES` that do not depend on those before, every six hours of weeks."""

    def __init__(self, grid: Grid) -> None:
        self._domain = data_domain(grid)

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of the domain."""
        return tuple(each.name for each in VARIABLES)

    @property
    def times(self) -> Times:
        """Before the start and after it."""
        return START + FREQUENCY * np.arange(-200, 40)

    @property
    def frequency(self) -> np.timedelta64:
        """Six hours."""
        return FREQUENCY

    @property
    def grid(self) -> Grid:
        """That of the domain."""
        return self._domain.grid

    @property
    def statistics(self) -> Statistics:
        """Those of the domain."""
        return self._domain.statistics

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """None."""
        return frozenset()

    @property
    def provenance(self) -> Mapping[str, Any]:
        """No data of anybody's."""
        return {"identity": "random"}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """``(time, 1, grid, variable)``, the same for a time whenever it is read."""
        numbers = [int((time - START) / FREQUENCY) + 1000 for time in times]
        return np.concatenate([states(self.grid, 1, seed=number)[:, :1] for number in numbers])


class Watched:
    """The inputs of a forecast from one date, which notes the steps that are asked for and what was given."""

    def __init__(self, trial: Trial, date: np.datetime64) -> None:
        self._trial, self._date = trial, date
        sources = {name: RandomStates(grid) for name, grid in _GRIDS.items()}
        self._inputs = Inputs(trial.model, sources, date, members=1)

    def of(self, step: int) -> dict[str, Tensor]:
        """See :class:`anemoi.core.interfaces.perturbation.ForecastInputs`."""
        self._trial.asked.append((self._date, self._date + step * FREQUENCY))
        found = self._inputs.of(step)
        self._trial.given += [(each, each.clone()) for each in found.values()]
        return found

    def add(self, step: int, outputs: Fields) -> None:
        """See :class:`anemoi.core.interfaces.perturbation.ForecastInputs`."""
        self._inputs.add(step, outputs)


class Trial:
    """A forecast of two domains that is about to start, with a linear network."""

    asked: list[tuple[np.datetime64, np.datetime64]]
    """The date of each forecast whose inputs were asked for, and the time that these are of."""

    given: list[tuple[Tensor, Tensor]]
    """The inputs that were handed out, each with a copy."""

    def __init__(self) -> None:
        self.asked, self.given = [], []
        chains = {name: usual_chain(data_domain(grid)) for name, grid in _GRIDS.items()}
        objective = Rollout()
        when = objective.steps(dict.fromkeys(chains, FREQUENCY))
        torch.manual_seed(0)
        network = LinearModel(
            domains={name: chain.after for name, chain in chains.items()}, graph=None, steps=when
        )
        perturbed(network)
        self.model = ForecastModel(network=network, transforms=chains, steps=when, objective=objective).eval()

    def analysis(self, seed: int = 0) -> Analysis:
        """What a perturbation is given."""
        return Analysis(self.model, START, FREQUENCY, partial(Watched, self), partial(generator_of, seed))

    def control(self) -> dict[str, Tensor]:
        """The inputs of the unperturbed forecast, ``(1, time in, 1, grid, inputs)``."""
        return Watched(Trial(), START).of(0)

    @property
    def domains(self) -> dict[str, Domain]:
        """The domains as the network sees them."""
        return self.model.normalised


def generator_of(seed: int, member: int) -> torch.Generator:
    """The random numbers of one member."""
    return torch.Generator().manual_seed(100 * seed + member)
