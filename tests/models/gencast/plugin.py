"""A diffusion: the network learns to remove noise, and a forecast begins with nothing but noise."""

from __future__ import annotations

from dataclasses import replace

import torch
from anemoi.core.objectives import Rollout
from anemoi.core.variable import Role

_RHO = 7.0
"""How much closer noise levels lie near the lowest (Karras et al. 2022, section 3)."""


class Diffusion(Rollout):
    """Denoises the change to the next state, given the last ones.

    What is noised is of order one: the change of each prognostic variable in units of its standard deviation, each
    diagnostic one as it is. Noise levels, preconditioning and weights are those of EDM (Karras et al., "Elucidating
    the design space of diffusion-based generative models", 2022), with the range of GenCast (Price et al., 2023),
    and so is the sampler, DPM-Solver++ of second order (Lu et al., 2022) without churn.

    Parameters
    ----------
    lowest, highest
        The noise levels.
    sampler_steps
        In how many steps a forecast removes the noise; each but the last asks the network twice.
    options
        Those of the rollout.
    """

    stochastic = True

    condition_channels = 1  # the noise level

    def __init__(
        self, *, lowest: float = 0.02, highest: float = 88.0, sampler_steps: int = 20, **options
    ) -> None:
        super().__init__(**options)
        self.lowest, self.highest, self.sampler_steps = lowest, highest, sampler_steps

    def network_domains(self, domains):
        """All inputs are known, so they are forcings; the noised outputs come in beside them."""
        return {
            name: domain.derived(
                [
                    *((each, replace(domain[each], role=Role.FORCING)) for each in domain.inputs),
                    *(
                        (each, replace(domain[each], role=Role.FORCING, name=f"noised_{each}_{time}"))
                        for time in range(self.output_steps)
                        for each in domain.outputs
                    ),
                    *(
                        (each, replace(domain[each], role=Role.DIAGNOSTIC, name=f"denoised_{each}"))
                        for each in domain.outputs
                    ),
                ]
            )
            for name, domain in domains.items()
        }

    def loss(self, model, sample, criterion, generator):
        losses = []
        for step in range(sample.count):
            inputs, states = sample.inputs(step), sample.outputs(step)
            some = next(iter(states.values()))
            share = torch.rand(len(some), generator=generator, device=some.device)
            level = self._level(share)  # (batch,)
            changes = self._changes(model, inputs, states)
            noised = {name: each + _noise(each, level, generator) for name, each in changes.items()}
            denoised = self._states(model, inputs, self._denoised(model, inputs, noised, level))
            # Land counts in the sea too: the sampler denoises it as well, to what is filled in there.
            losses.append(criterion(denoised, states, step=step, weights=(level**2 + 1) / level**2))
        return torch.stack(losses)

    def advance(self, model, inputs, generator):
        levels = self._level(torch.linspace(0, 1, self.sampler_steps)).tolist()
        batch, _, members = next(iter(inputs.values())).shape[:3]
        ones = next(iter(inputs.values())).new_ones(batch)
        sample = {
            name: _noise(ones.new_empty(size), ones * levels[0], generator)
            for name, size in self._sizes(model, batch, members).items()
        }
        for level, lower in zip(levels, [*levels[1:], 0.0], strict=True):
            denoised = self._denoised(model, inputs, sample, ones * level)
            if lower > 0:
                between = (level * lower) ** 0.5
                half = _towards(sample, denoised, between / level)
                denoised = self._denoised(model, inputs, half, ones * between)
            sample = _towards(sample, denoised, lower / level)
        return model.enforce(self._states(model, inputs, sample))

    def _level(self, share):
        """From the highest noise level at 0 to the lowest at 1."""
        highest, lowest = self.highest ** (1 / _RHO), self.lowest ** (1 / _RHO)
        return (highest + share * (lowest - highest)) ** _RHO

    def _denoised(self, model, inputs, noised, level):
        """The preconditioned network (EDM, table 1), for data of variance one; ``level`` is ``(batch,)``."""
        wide = level.view(-1, 1, 1, 1, 1)
        fields = dict(inputs)
        for name, values in noised.items():  # (batch, time out, ensemble, grid, outputs)
            extra = (values / (wide**2 + 1).sqrt()).permute(0, 2, 3, 1, 4).flatten(3)[:, None]
            extra = extra.expand(-1, inputs[name].shape[1], -1, -1, -1)  # the same beside all inputs
            fields[name] = torch.cat([inputs[name], extra], dim=-1)
        members = next(iter(inputs.values())).shape[2]
        found = model.network(fields, (level.log() / 4).view(-1, 1, 1).expand(-1, members, 1))
        return {
            name: values / (wide**2 + 1) + wide / (wide**2 + 1).sqrt() * found[name]
            for name, values in noised.items()
        }

    def _changes(self, model, inputs, states):
        parts = {name: self._base(model, inputs, name) for name in states}
        return {name: (states[name] - base) / scale for name, (base, scale) in parts.items()}

    def _states(self, model, inputs, changes):
        parts = {name: self._base(model, inputs, name) for name in changes}
        return {name: base + scale * changes[name] for name, (base, scale) in parts.items()}

    def _base(self, model, inputs, name):
        """What a change is from, ``(batch, 1, ensemble, grid, outputs)``, and its unit, ``(outputs,)``."""
        domain, last = model.normalised[name], inputs[name][:, -1:]
        base = last.new_zeros(*last.shape[:-1], len(domain.outputs))
        scale = last.new_ones(len(domain.outputs))
        into = [domain.outputs.index(each) for each in domain.prognostic]
        base[..., into] = last[..., [domain.inputs.index(each) for each in domain.prognostic]]
        changes = domain.changes.stdev[domain.columns(domain.prognostic)]
        scale[into] = torch.as_tensor(changes, dtype=scale.dtype, device=scale.device)
        return base, scale

    def _sizes(self, model, batch, members):
        return {
            name: (batch, len(model.steps[name].outputs), members, len(domain.grid), len(domain.outputs))
            for name, domain in model.normalised.items()
            if domain.outputs
        }


def _noise(like, level, generator):
    """Noise of a level for each sample of the batch."""
    drawn = torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)
    return level.view(-1, 1, 1, 1, 1) * drawn


def _towards(sample, denoised, share):
    """Keep a share of the noise."""
    return {name: share * each + (1 - share) * denoised[name] for name, each in sample.items()}
