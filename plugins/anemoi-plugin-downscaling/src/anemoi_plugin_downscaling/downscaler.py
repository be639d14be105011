"""The objective ``downscaler``: fine fields from coarse ones of the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Fields
from anemoi.core.steps import Steps
from anemoi.core.times import format_duration
from anemoi.core.variable import Role
from torch import Tensor

from .given_states import OfGivenStates
from .interpolation import Method, interpolation

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.model import ForecastModel


class Downscaler(OfGivenStates):
    """Gives the fields of fine domains, a region or the globe, from those of a coarse one at the same time.

    The network is given the coarse fields, the same interpolated to the fine grid, and what is known there:
    orography, the land-sea mask, insolation. It gives the difference from the interpolated fields, in units
    of the standard deviation of each variable, as a network for super-resolution does (Kim et al., "Accurate
    image super-resolution using very deep convolutional networks", 2016): one that gives nothing is linear
    interpolation. It is deterministic: the mean of what fine fields may be, the first of the two stages of
    CorrDiff (Mardani et al., 2025). Its steps know nothing of one another.

    Parameters
    ----------
    coarse
        The domain of the coarse fields, of which every variable is a forcing. All other domains with outputs
        are fine.
    interpolation
        How coarse fields are brought to a fine grid: see :func:`.interpolation`.
    added
        Variables of fine domains that the coarse one does not have, or that no mean can be taken of, such as
        directions. The network gives them alone.
    """

    def __init__(
        self, *, coarse: str = "coarse", interpolation: Method = "linear", added: Sequence[str] = ()
    ) -> None:
        self.coarse, self.interpolation, self.added = coarse, interpolation, tuple(added)

    def steps(self, frequencies: Mapping[str, np.timedelta64]) -> dict[str, Steps]:
        """Say that all comes in and goes out at the end of a step, so that a forecast has its lead times.

        See :meth:`anemoi.core.interfaces.objective.Objective.steps`.
        """
        if self.coarse not in frequencies or len(frequencies) == 1:
            absent = f"a domain {self.coarse}" if self.coarse not in frequencies else "a fine domain"
            raise ConfigError(
                f"A downscaler needs {absent}: the domains are {', '.join(frequencies)}.",
                fix="Describe a coarse and a fine one under domains; the coarse one is objective.coarse.",
            )
        step = max(frequencies.values())
        for name, frequency in frequencies.items():
            if step % frequency:
                raise ConfigError(
                    f"The states of {name} are {format_duration(frequency)} apart, and others "
                    f"{format_duration(step)}: they are seldom of the same time.",
                    fix="Choose data with the same times, such as data.frequency.",
                )
        return {
            name: Steps(
                inputs=(step,),
                outputs=() if name == self.coarse else (step,),
                step=step,
                interval=frequency,
            )
            for name, frequency in frequencies.items()
        }

    def network_domains(self, domains: Mapping[str, Domain]) -> Mapping[str, Domain]:
        """Add the interpolated fields: see :meth:`.Objective.network_domains`.

        Raises
        ------
        ConfigError
            If coarse fields would be forecast, fine ones would be read, or a fine variable or a part of the
            fine grid has no coarse field.
        """
        coarse = domains[self.coarse]
        if coarse.outputs:
            raise ConfigError(
                f"domains.{self.coarse}: {', '.join(coarse.outputs)} would be forecast, but coarse fields "
                "are given.",
                fix=f'Make all of it forcing: +domains.{self.coarse}.variables.forcing=["*"]',
            )
        fine = {name: domain for name, domain in domains.items() if domain.outputs}
        for name, domain in fine.items():
            self._check(name, domain, coarse)
            interpolation(coarse.grid, domain.grid, self.interpolation)
        outputs = {each for domain in fine.values() for each in domain.outputs}
        if unknown := [each for each in self.added if each not in outputs]:
            raise ConfigError(
                f"objective.added names {', '.join(unknown)}, which no fine domain has.",
                fix=f"They have {', '.join(sorted(outputs)) or 'none'}.",
            )
        return {
            **domains,
            **{
                name: domain.derived(
                    [
                        *((each, domain[each]) for each in domain.inputs),
                        *(
                            (each, replace(domain[each], name=f"interpolated_{each}", role=Role.FORCING))
                            for each in self._upon(domain.outputs)
                        ),
                        *((each, domain[each]) for each in domain.outputs),
                    ]
                )
                for name, domain in fine.items()
            },
        }

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        upon = {
            name: self._interpolated(model, inputs, name)
            for name in model.steps
            if model.domains[name].outputs
        }
        given = {
            name: torch.cat([each, upon[name]], dim=-1) if name in upon else each
            for name, each in inputs.items()
        }
        outputs = dict(model.network(given))
        for name, fields in upon.items():
            names = model.normalised[name].outputs
            into = torch.tensor([names.index(each) for each in self._upon(names)], device=fields.device)
            outputs[name] = outputs[name].index_add(-1, into, fields.to(outputs[name].dtype))
        return model.enforce(outputs)

    def _upon(self, names: Sequence[str]) -> list[str]:
        """Those variables that are given as differences from interpolated ones."""
        return [each for each in names if each not in self.added]

    def _check(self, name: str, domain: Domain, coarse: Domain) -> None:
        if domain.prognostic:
            raise ConfigError(
                f"domains.{name}: {', '.join(domain.prognostic)} would be read before it is made.",
                fix="Let the downscaler give it alone: "
                f"+domains.{name}.variables.diagnostic=[{','.join(domain.prognostic)}]",
            )
        if absent := [each for each in self._upon(domain.outputs) if each not in coarse.inputs]:
            raise ConfigError(
                f"domains.{self.coarse} has no {', '.join(absent)}, which {name} should be finer in.",
                fix=f"Drop it, +domains.{name}.variables.drop=[{absent[0]}], or let the network give it "
                f"alone: objective.added=[{','.join(absent)}]",
            )

    def _interpolated(self, model: ForecastModel, inputs: Fields, name: str) -> Tensor:
        """The coarse fields on a fine grid, ``(batch, 1, ensemble, grid, variables)``, normalised there."""
        chain, fine = model.chain(self.coarse), model.domains[name]
        names = self._upon(fine.outputs)
        columns = [chain.after.inputs.index(each) for each in chain.renamed(names)]
        fields = chain.inverse(inputs[self.coarse][..., columns], names)
        way = interpolation(chain.before.grid, fine.grid, self.interpolation)
        return model.normalise(name, way(fields), names)
