"""The objective ``diffusion``: the network learns to remove noise, with which a forecast begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from anemoi.core.errors import ConfigError
from pydantic import Field
from torch import Tensor

from .generative import Generative, of_each, scaled
from .levels import LogNormalLevels, RhoLevels
from .samplers import SAMPLERS, Churn
from .units import Target, states_of

if TYPE_CHECKING:
    from anemoi.core.interfaces import Criterion, Fields
    from anemoi.core.model import ForecastModel, Sample

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Diffusion(Generative):
    """Denoises the next states, given the last ones.

    Noise levels, preconditioning, weights and churn are those of EDM (Karras et al., "Elucidating the design
    space of diffusion-based generative models", 2022) for data of variance one; defaults that are not are of
    GenCast (Price et al., "Probabilistic weather forecasting with machine learning", 2023). The loss must be
    squared (``loss=mse``), for its minimum to be the mean that the samplers ask for.

    Parameters
    ----------
    target
        What is noised: the ``tendency`` of each prognostic variable in units of its standard deviation, or
        the normalised ``state``. Diagnostic variables are noised as they are.
    noise
        How the trained levels are distributed: ``rho-uniform`` (GenCast) or ``log-normal`` (EDM).
    trained_sigma_min, trained_sigma_max
        The lowest and the highest of them where ``noise`` is ``rho-uniform``.
    noise_mean, noise_stdev
        Of the logarithm of them where it is ``log-normal``.
    sampler
        ``heun`` (Karras et al. 2022), ``dpmpp-2s`` or ``dpmpp-2m`` (Lu et al., "DPM-Solver++", 2022).
    sampler_steps
        In how many steps a forecast removes the noise. Each but the last asks the network twice; of
        ``dpmpp-2m`` all ask it once.
    sigma_min, sigma_max
        The noise levels of the first and the last step.
    rho
        How much closer noise levels lie where they are low.
    churn
        How much noise is added between the steps; 0 for none.
    churn_min, churn_max
        The noise levels at which it is; null for no upper limit.
    noise_inflation
        How much larger the added noise is than it should be.
    noise_spectrum
        Of all noise. ``white``: independent at each point; a length, ``500km``: alike at less than that; or
        the power of each degree from 0.
    input_steps, output_steps, lead_time
        Those of the rollout.

    Raises
    ------
    ConfigError
        If a range is empty, the sampler begins or ends outside what is trained, or takes no churn, or the
        spectrum is none.
    """

    def __init__(
        self,
        *,
        target: Target = "tendency",
        noise: Literal["rho-uniform", "log-normal"] = "rho-uniform",
        trained_sigma_min: Positive = 0.02,
        trained_sigma_max: Positive = 88.0,
        noise_mean: float = -1.2,
        noise_stdev: Positive = 1.2,
        sampler: Literal["heun", "dpmpp-2s", "dpmpp-2m"] = "dpmpp-2s",
        sampler_steps: Annotated[int, Field(ge=1)] = 20,
        sigma_min: Positive = 0.03,
        sigma_max: Positive = 80.0,
        rho: Positive = 7.0,
        churn: NotNegative = 0.0,
        churn_min: NotNegative = 0.75,
        churn_max: Positive | None = None,
        noise_inflation: Positive = 1.0,
        noise_spectrum: str | Sequence[float] = "white",
        input_steps: int = 2,
        output_steps: int = 1,
        lead_time: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            noise_spectrum=noise_spectrum,
            input_steps=input_steps,
            output_steps=output_steps,
            lead_time=lead_time,
        )
        _check_below("sigma_min", sigma_min, "sigma_max", sigma_max)
        _check_below("trained_sigma_min", trained_sigma_min, "trained_sigma_max", trained_sigma_max)
        if churn_max is not None:
            _check_below("churn_min", churn_min, "churn_max", churn_max)
        if churn and not SAMPLERS[sampler].churns:
            raise ConfigError(
                f"objective.churn is {churn:g}, but the sampler {sampler} builds on the step before, which "
                "churn would spoil.",
                fix="Choose objective.sampler=heun or dpmpp-2s, or objective.churn=0.",
            )
        self.levels = RhoLevels(sigma_min, sigma_max, rho)
        self.trained: RhoLevels | LogNormalLevels = LogNormalLevels(noise_mean, noise_stdev)
        if noise == "rho-uniform":
            if sigma_min < trained_sigma_min or sigma_max > trained_sigma_max:
                raise ConfigError(
                    f"The sampler would use noise levels from {sigma_min:g} to {sigma_max:g}, but those "
                    f"from {trained_sigma_min:g} to {trained_sigma_max:g} are trained.",
                    fix="Choose objective.sigma_min and sigma_max within trained_sigma_min and "
                    "trained_sigma_max.",
                )
            self.trained = RhoLevels(trained_sigma_min, trained_sigma_max, rho)
        highest = inf if churn_max is None else churn_max
        self.sampler = SAMPLERS[sampler](Churn(churn, churn_min, highest, noise_inflation))
        self.sampler_steps = sampler_steps

    def loss(
        self, model: ForecastModel, sample: Sample, criterion: Criterion, generator: torch.Generator
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.objective.Objective.loss`."""
        losses = []
        for step in range(sample.count):
            # Filled in where missing: the sampler denoises all points, land in sea-surface temperature too.
            inputs, states = sample.inputs(step), sample.outputs(step)
            units = self._units(model, inputs)
            drawn = self._drawn(model, units, generator)
            some = next(iter(drawn.values()))
            level = self.trained.drawn(len(some), generator).to(some)  # (batch,)
            noised = {
                name: each.of(states[name]) + _wide(level) * drawn[name] for name, each in units.items()
            }
            denoised = self._denoised(model, inputs, noised, level)
            found = states_of(units, denoised)
            losses.append(criterion(found, states, step=step, weights=(level**2 + 1) / level**2))
        return torch.stack(losses)

    def advance(self, model: ForecastModel, inputs: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.objective.Objective.advance`."""
        units = self._units(model, inputs)
        levels = self.levels.spaced(self.sampler_steps)
        draw = partial(self._drawn, model, units, generator)
        noise = scaled(levels[0], draw())
        sampled = self.sampler.sample(partial(self._denoised, model, inputs), noise, levels, draw)
        return model.enforce(states_of(units, sampled))

    def _denoised(
        self, model: ForecastModel, inputs: Fields, noised: Fields, level: Tensor | float
    ) -> dict[str, Tensor]:
        """The preconditioned network (EDM, table 1), for data of variance one.

        Parameters
        ----------
        level
            Of the noise, of each sample, ``(batch,)``, or of all.
        """
        level = of_each(level, next(iter(noised.values())))
        wide = _wide(level)
        size = (wide**2 + 1).sqrt()
        given = {name: values / size for name, values in noised.items()}
        found = self._asked(model, inputs, given, level.log() / 4)
        return {name: values / size**2 + wide / size * found[name] for name, values in noised.items()}


def _wide(level: Tensor) -> Tensor:
    """A number for each sample, against ``(batch, time, ensemble, grid, variable)``."""
    return level.view(-1, 1, 1, 1, 1)


def _check_below(low: str, lowest: float, high: str, highest: float) -> None:
    if lowest >= highest:
        raise ConfigError(
            f"objective.{low} is {lowest:g}, not below objective.{high}, which is {highest:g}.",
            fix=f"Choose a lower {low} or a higher {high}.",
        )
