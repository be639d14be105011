"""What objectives have in common that sample a forecast from noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import pi, prod
from typing import TYPE_CHECKING, ClassVar

import torch
from anemoi.core.objectives import Rollout
from anemoi.core.variable import Role
from anemoi_plugin_ensemble.grid_noise import GridNoise
from anemoi_plugin_ensemble.noise import spectrum_of
from torch import Tensor

from .units import Target, Units, units_of

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.interfaces import Fields
    from anemoi.core.model import ForecastModel

_FREQUENCIES = 8


class Generative(Rollout):
    """Asks the network about noised outputs, beside the inputs and conditioned on how noised they are.

    Parameters
    ----------
    target
        What is sampled: the ``tendency``, or the ``state``.
    noise_spectrum
        Of the noise: ``white``, a length, or the power of each degree from 0.
    input_steps, output_steps, lead_time
        Those of the rollout.

    Raises
    ------
    ConfigError
        If the spectrum is none.
    """

    stochastic: ClassVar[bool] = True
    learns_mean: ClassVar[bool] = True

    def __init__(
        self,
        *,
        target: Target = "tendency",
        noise_spectrum: str | Sequence[float] = "white",
        input_steps: int = 2,
        output_steps: int = 1,
        lead_time: str | None = None,
    ) -> None:
        super().__init__(input_steps=input_steps, output_steps=output_steps, lead_time=lead_time)
        self.target = target
        self._noise = None if noise_spectrum == "white" else GridNoise(spectrum_of(noise_spectrum))

    @property
    def condition_channels(self) -> int:
        """See :meth:`anemoi.core.interfaces.objective.Objective.condition_channels`."""
        return 1 + 2 * _FREQUENCIES

    def network_domains(self, domains: Mapping[str, Domain]) -> Mapping[str, Domain]:
        """All inputs are known, so they are forcings; the noised outputs come in beside them."""
        steps = self.steps({name: domain.frequency for name, domain in domains.items()})
        return {
            name: domain.derived(
                [
                    *((each, replace(domain[each], role=Role.FORCING)) for each in domain.inputs),
                    *(
                        # Constant: the same beside the inputs of all times, so a network may take it once.
                        (
                            each,
                            replace(
                                domain[each],
                                role=Role.FORCING,
                                name=f"noised_{each}_{time}",
                                constant=True,
                            ),
                        )
                        for time in range(len(steps[name].outputs))
                        for each in domain.outputs
                    ),
                    *(
                        (each, replace(domain[each], role=Role.DIAGNOSTIC, name=f"found_{each}"))
                        for each in domain.outputs
                    ),
                ]
            )
            for name, domain in domains.items()
        }

    def _units(self, model: ForecastModel, inputs: Fields) -> dict[str, Units]:
        return {
            name: units_of(domain, inputs[name], self.target)
            for name, domain in model.normalised.items()
            if domain.outputs and model.steps[name].outputs
        }

    def _drawn(self, model: ForecastModel, units: Mapping[str, Units], generator: torch.Generator) -> Fields:
        """Noise of variance one for each domain, ``(batch, time out, ensemble, grid, outputs)``."""
        drawn = {}
        for name, each in units.items():
            batch, _, members, points, outputs = each.last.shape
            shape = (batch, len(model.steps[name].outputs), members, outputs)
            if self._noise is None:
                size = (*shape[:3], points, outputs)
                noise = torch.randn(size, generator=generator, device=generator.device)
            else:
                fields = self._noise.draw(model.normalised[name].grid, generator, prod(shape))
                noise = fields.view(points, *shape).movedim(0, 3)
            drawn[name] = noise.to(each.last)
        return drawn

    def _asked(
        self, model: ForecastModel, inputs: Fields, noised: Fields, number: Tensor | float
    ) -> dict[str, Tensor]:
        """Give what the network finds.

        Parameters
        ----------
        noised
            For each domain ``(batch, time out, ensemble, grid, outputs)``, of order one.
        number
            How noised each sample is, ``(batch,)``, or all are; from -1 to 1 or so.
        """
        fields = dict(inputs)
        for name, values in noised.items():
            beside = values.permute(0, 2, 3, 1, 4).flatten(3)  # (batch, ensemble, grid, time x outputs)
            beside = beside[:, None].expand(-1, inputs[name].shape[1], -1, -1, -1)
            fields[name] = torch.cat([inputs[name], beside], dim=-1)
        some = next(iter(noised.values()))
        condition = embedded(of_each(number, some))[:, None].expand(-1, some.shape[2], -1)
        found: dict[str, Tensor] = model.network(fields, condition)
        return found


def of_each(number: Tensor | float, fields: Tensor) -> Tensor:
    """Give a number for each sample of ``fields``, ``(batch,)``."""
    return torch.as_tensor(number, dtype=fields.dtype, device=fields.device).expand(len(fields))


def embedded(number: Tensor) -> Tensor:
    """Give a number and waves of it, ``(batch, 1 + 2 frequencies)``, so that what is linear in them can bend.

    As Price et al. 2023, appendix D, after Vaswani et al., "Attention is all you need", 2017.
    """
    phases = pi * number[:, None] * torch.arange(1, _FREQUENCIES + 1, device=number.device)
    return torch.cat([number[:, None], phases.sin(), phases.cos()], dim=-1)


def scaled(factor: float, fields: Fields) -> dict[str, Tensor]:
    """Give ``factor fields``, domain by domain."""
    return {name: factor * each for name, each in fields.items()}


def mixed(first: float, one: Fields, second: float, other: Fields) -> dict[str, Tensor]:
    """Give ``first one + second other``, domain by domain."""
    return {name: first * each + second * other[name] for name, each in one.items()}
