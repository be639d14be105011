"""Noise levels: those that a network is trained on, and those that a sampler passes through."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RhoLevels:
    """Levels from ``highest`` to ``lowest`` that lie the closer the lower they are (EDM, equation 5).

    Parameters
    ----------
    lowest, highest
        Both included.
    rho
        1 spaces them evenly; 7 is what EDM and GenCast choose.
    """

    lowest: float
    highest: float
    rho: float

    def at(self, share: Tensor) -> Tensor:
        """From the highest level at 0 to the lowest at 1."""
        highest, lowest = self.highest ** (1 / self.rho), self.lowest ** (1 / self.rho)
        return torch.pow(highest + share * (lowest - highest), self.rho)

    def spaced(self, count: int) -> list[float]:
        """``count`` levels, falling."""
        return self.at(torch.linspace(0, 1, count, dtype=torch.float64)).tolist()

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Random levels, uniform in their place along the way, as GenCast trains, ``(count,)``."""
        return self.at(torch.rand(count, generator=generator, device=generator.device))


@dataclass(frozen=True)
class LogNormalLevels:
    """Levels whose logarithm is normal, as EDM trains.

    Parameters
    ----------
    mean, stdev
        Of the logarithm.
    """

    mean: float
    stdev: float

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Random levels, ``(count,)``."""
        normal = torch.randn(count, generator=generator, device=generator.device)
        return (self.mean + self.stdev * normal).exp()
