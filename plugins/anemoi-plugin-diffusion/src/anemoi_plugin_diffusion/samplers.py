"""Samplers of a diffusion: from noise to a field of the data, through falling noise levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log, sqrt
from typing import ClassVar

from anemoi.core.interfaces import Fields

from .generative import mixed

Denoiser = Callable[[Fields, float], Fields]
"""The best guess of the fields without their noise, given the fields and the level of the noise on them."""

Draw = Callable[[], Fields]
"""Noise of variance one, drawn anew each time."""


@dataclass(frozen=True)
class Churn:
    """Adds noise before a step, so that errors of the steps before it are forgotten (EDM, algorithm 2).

    Parameters
    ----------
    amount
        How much, over all steps together; 0 for none.
    minimum, maximum
        At which noise levels.
    inflation
        How much larger the added noise is than it should be, against the detail that a network loses.
    """

    amount: float = 0.0
    minimum: float = 0.0
    maximum: float = inf
    inflation: float = 1.0

    def __call__(self, fields: Fields, level: float, steps: int, draw: Draw) -> tuple[Fields, float]:
        """Raise the noise of ``fields`` from ``level``; give them and their new level."""
        if not self.amount or not self.minimum <= level <= self.maximum:
            return fields, level
        raised = level * (1 + min(self.amount / steps, sqrt(2) - 1))
        size = self.inflation * sqrt(raised**2 - level**2)
        return mixed(1.0, fields, size, draw()), raised


class Sampler(ABC):
    """Removes noise.

    Parameters
    ----------
    churn
        What noise is added on the way; of no use to a sampler that does not churn.
    """

    churns: ClassVar[bool] = True
    """Whether noise can be added on the way."""

    def __init__(self, churn: Churn | None = None) -> None:
        self.churn = churn or Churn()

    @abstractmethod
    def sample(self, denoise: Denoiser, fields: Fields, levels: Sequence[float], draw: Draw) -> Fields:
        """Remove the noise.

        Parameters
        ----------
        denoise
            The network.
        fields
            Noise of the first level.
        levels
            Falling, all above zero; after the last comes zero.
        draw
            Gives the noise of churn.
        """


class Stepwise(Sampler):
    """A sampler whose steps know nothing of each other."""

    def sample(self, denoise: Denoiser, fields: Fields, levels: Sequence[float], draw: Draw) -> Fields:
        """See :meth:`Sampler.sample`."""
        for level, lower in zip(levels, [*levels[1:], 0.0], strict=True):
            raised, above = self.churn(fields, level, len(levels), draw)
            fields = self.step(denoise, raised, above, lower)
        return fields

    @abstractmethod
    def step(self, denoise: Denoiser, fields: Fields, level: float, lower: float) -> Fields:
        """Bring fields from one noise level to a lower one, which may be zero."""


class Heun(Stepwise):
    """Heun's method, of second order (Karras et al. 2022, algorithm 2): two denoisings a step."""

    def step(self, denoise: Denoiser, fields: Fields, level: float, lower: float) -> Fields:
        """See :meth:`Stepwise.step`."""
        denoised = denoise(fields, level)
        below = towards(fields, denoised, lower / level)
        if lower == 0:
            return below
        # dx / dlevel = (x - denoised) / level, at both ends.
        slope = mixed(1 / level, fields, -1 / level, denoised)
        slope_below = mixed(1 / lower, below, -1 / lower, denoise(below, lower))
        return mixed(1.0, fields, (lower - level) / 2, mixed(1.0, slope, 1.0, slope_below))


class SingleStep(Stepwise):
    """DPM-Solver++ 2S, of second order (Lu et al. 2022, algorithm 1): two denoisings a step."""

    def step(self, denoise: Denoiser, fields: Fields, level: float, lower: float) -> Fields:
        """See :meth:`Stepwise.step`."""
        denoised = denoise(fields, level)
        if lower > 0:
            between = sqrt(level * lower)  # the middle in log(level)
            denoised = denoise(towards(fields, denoised, between / level), between)
        return towards(fields, denoised, lower / level)


class MultiStep(Sampler):
    """DPM-Solver++ 2M, of second order (Lu et al. 2022, algorithm 2): one denoising a step.

    It remembers what was denoised the step before, for which churn would be of another field.
    """

    churns = False

    def sample(self, denoise: Denoiser, fields: Fields, levels: Sequence[float], draw: Draw) -> Fields:
        """See :meth:`Sampler.sample`."""
        before, last = None, 0.0  # what was denoised a step ago, and how far that step went in log(level)
        for level, lower in zip(levels, [*levels[1:], 0.0], strict=True):
            denoised = denoise(fields, level)
            guess = denoised
            if lower > 0:
                width = log(level / lower)
                if before is not None:
                    share = width / (2 * last)
                    guess = mixed(1 + share, denoised, -share, before)
                before, last = denoised, width
            fields = towards(fields, guess, lower / level)
        return fields


def towards(fields: Fields, denoised: Fields, share: float) -> Fields:
    """Keep a share of the noise: exact if ``denoised`` is the same all the way."""
    return mixed(share, fields, 1 - share, denoised)


SAMPLERS: dict[str, type[Sampler]] = {"heun": Heun, "dpmpp-2s": SingleStep, "dpmpp-2m": MultiStep}
"""By the name that a user writes."""
