"""The objective ``limited-area``: a rollout within a rim that another domain gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.objectives import Rollout
from anemoi.core.times import format_duration
from torch import Tensor

from .interpolation import Method, check_covers, weights
from .rim import rim_of

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.interfaces import Fields
    from anemoi.core.model import ForecastModel
    from anemoi.core.steps import Steps


class LimitedArea(Rollout):
    """Forecasts the interior of a region; on its rim stands what a larger domain, the boundary, says.

    The network is given the states of the boundary at both ends of a step, as in Neural-LAM (Oskarsson et
    al., "Graph-based neural weather prediction for limited area modeling", 2023). At every step of training
    and of a forecast the values on the rim are replaced by those of the boundary, interpolated. All other
    domains with outputs are regions.

    Parameters
    ----------
    boundary
        The domain around the regions, of which every variable is a forcing.
    rim
        How many rows and columns of a region, counted from its border; or how far from the border, ``300km``;
        or the name of a constant of the region, which is above zero on the rim. 0 replaces nothing.
    interpolation
        How values of the boundary are brought to the rim: see :func:`.weights`.
    input_steps, output_steps, lead_time
        Those of the rollout.

    Raises
    ------
    ConfigError
        If ``rim`` is negative.
    """

    def __init__(
        self,
        *,
        boundary: str = "boundary",
        rim: int | str = 2,
        interpolation: Method = "inverse-distance",
        input_steps: int = 2,
        output_steps: int = 1,
        lead_time: str | None = None,
    ) -> None:
        super().__init__(input_steps=input_steps, output_steps=output_steps, lead_time=lead_time)
        if isinstance(rim, int) and rim < 0:
            raise ConfigError(f"objective.rim is {rim}.", fix="Choose zero or more rows.")
        self.boundary, self.rim, self.interpolation = boundary, rim, interpolation

    def steps(self, frequencies: Mapping[str, np.timedelta64]) -> dict[str, Steps]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.steps`."""
        found = super().steps(frequencies)
        if self.boundary not in found:
            raise ConfigError(
                f"There is no domain {self.boundary}: the domains are {', '.join(found)}.",
                fix="Describe it under domains, or name another: objective.boundary.",
            )
        around = found[self.boundary]
        for name, steps in found.items():
            if late := [time for time in steps.outputs if time not in around.outputs]:
                raise ConfigError(
                    f"{self.boundary} has no state at {format_duration(late[0])}, for which {name} is "
                    f"forecast: its states are {format_duration(around.interval)} apart.",
                    fix=f"Hold each of them until the next: domains.{self.boundary}.frequency="
                    f"{format_duration(steps.interval)}.",
                )
        given = replace(around, inputs=(around.inputs[-1], *around.outputs), outputs=())
        return {**found, self.boundary: given}

    def network_domains(self, domains: Mapping[str, Domain]) -> Mapping[str, Domain]:
        """Check that the boundary can force each region: see :meth:`.Objective.network_domains`."""
        around = domains[self.boundary]
        if around.outputs:
            raise ConfigError(
                f"domains.{self.boundary}: {', '.join(around.outputs)} would be forecast, but the boundary "
                "is given.",
                fix=f'Make all of it forcing: +domains.{self.boundary}.variables.forcing=["*"].',
            )
        for name, region in self._regions(domains):
            check_covers(around.grid, region.grid.positions[rim_of(region, self.rim)], name, self.boundary)
            if absent := [each for each in region.prognostic if each not in around.inputs]:
                raise ConfigError(
                    f"domains.{self.boundary} has no {', '.join(absent)}, which {name} needs on its rim.",
                    fix=f"Add it, or drop it: +domains.{name}.variables.drop=[{absent[0]}].",
                )
        return domains

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        outputs = super().advance(model, inputs, generator)
        return {name: self._with_rim(model, inputs, name, values) for name, values in outputs.items()}

    def _regions(self, domains: Mapping[str, Domain]) -> list[tuple[str, Domain]]:
        return [(name, domain) for name, domain in domains.items() if domain.outputs]

    def _with_rim(self, model: ForecastModel, inputs: Fields, name: str, values: Tensor) -> Tensor:
        """Replace the rim of a forecast, ``(batch, time out, ensemble, grid, outputs)``, normalised."""
        region, chain = model.domains[name], model.chain(self.boundary)
        way = _way(region, chain.before, self.rim, self.interpolation)
        given = [each for each in region.outputs if each in chain.before.inputs]
        if not len(way.rim) or not given:
            return values
        known = model.steps[self.boundary].inputs
        times = [known.index(time) for time in model.steps[name].outputs]
        columns = [chain.after.inputs.index(each) for each in chain.renamed(given)]
        around = chain.inverse(inputs[self.boundary][:, times][..., columns], given)
        there = way.interpolated(around)  # (batch, time out, ensemble, rim, given)
        whole = there.new_zeros((*there.shape[:-2], len(region.grid), len(given)))
        rim = torch.as_tensor(way.rim, device=values.device)
        fields = model.normalise(name, whole.index_copy(-2, rim, there), given).index_select(-2, rim)
        # What is missing in the boundary stands as it was forecast.
        unknown = model.missing(name, there, given)
        into = [model.normalised[name].outputs.index(each) for each in model.chain(name).renamed(given)]
        replaced = values.index_select(-2, rim)
        fields = fields.to(values.dtype)
        if unknown is not None:
            fields = torch.where(unknown, replaced[..., into], fields)
        replaced = replaced.index_copy(-1, torch.tensor(into, device=values.device), fields)
        return values.index_copy(-2, rim, replaced)


@dataclass(frozen=True, eq=False)
class _Way:
    """The way from a boundary to a rim.

    Parameters
    ----------
    rim
        The points of the region, ``(rim,)``.
    points, shares
        The points of the boundary, and their weights, ``(rim, neighbours)``.
    """

    rim: np.ndarray
    points: np.ndarray
    shares: np.ndarray

    def interpolated(self, values: Tensor) -> Tensor:
        """Values of the boundary, ``(..., grid, variables)``, on the rim, ``(..., rim, variables)``."""
        points = torch.as_tensor(self.points, device=values.device)
        shares = torch.as_tensor(self.shares, device=values.device)
        near = values.index_select(-2, points.reshape(-1))
        near = near.reshape(*values.shape[:-2], *self.points.shape, values.shape[-1])
        return (near * shares[..., None]).sum(dim=-2)


@lru_cache(maxsize=8)
def _way(region: Domain, around: Domain, rim: int | str, method: Method) -> _Way:
    chosen = np.flatnonzero(rim_of(region, rim))
    return _Way(chosen, *weights(around.grid, region.grid.positions[chosen], method))
