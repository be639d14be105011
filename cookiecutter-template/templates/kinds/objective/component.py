"""The objective ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Criterion
from anemoi.core.objectives import Rollout
from torch import Tensor

if TYPE_CHECKING:
    from anemoi.core.domain import Domain
    from anemoi.core.model import ForecastModel, Sample
    from anemoi.core.steps import Offset


class {{ cookiecutter.__class }}(Rollout):
    """A rollout that is trained from states with some noise on them, and forecasts without.

    So the network learns to go on from states that are a little wrong, as those that it forecasts are
    (Sanchez-Gonzalez et al., "Learning to simulate complex physics with graph networks", 2020). It forecasts
    as the rollout of Anemoi does.

    Parameters
    ----------
    input_steps
        How many states come in.
    output_steps
        How many states go out at once.
    lead_time
        The time from one state to the next, ``12h``; by default that of the data.
    noise
        How large the noise on prognostic variables is, in standard deviations of their change from one
        state to the next.

    Raises
    ------
    ConfigError
        If ``noise`` is negative.
    """

    def __init__(
        self,
        *,
        input_steps: int = 2,
        output_steps: int = 1,
        lead_time: str | None = None,
        noise: float = 0.1,
    ) -> None:
        super().__init__(input_steps=input_steps, output_steps=output_steps, lead_time=lead_time)
        if noise < 0:
            raise ConfigError(f"noise is {noise:g}.", fix="Choose zero or more.")
        self.noise = noise

    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.objective.Objective.loss`."""
        made: dict[str, dict[Offset, Tensor]] = {name: {} for name in sample.domains}
        losses = []
        for step in range(sample.count):
            inputs = sample.inputs(step, made)
            if step == 0:
                inputs = {
                    name: fields + self._noise(fields, sample.domains[name], generator)
                    for name, fields in inputs.items()
                }
            outputs = self.advance(model, inputs, generator)
            losses.append(criterion(outputs, sample.targets(step), step=step))
            for name, states in outputs.items():
                made[name].update(zip(sample.times(step)[name], states.unbind(1), strict=True))
        return torch.stack(losses)

    def _noise(self, fields: Tensor, domain: Domain, generator: torch.Generator) -> Tensor:
        """Noise on prognostic variables, ``(batch, time in, ensemble, grid, inputs)``."""
        change = dict(zip(domain.names, domain.changes.stdev.tolist(), strict=True))
        size = [self.noise * change[name] if name in domain.prognostic else 0.0 for name in domain.inputs]
        random = torch.randn(fields.shape, generator=generator, device=generator.device)
        return random.to(fields) * fields.new_tensor(size)
