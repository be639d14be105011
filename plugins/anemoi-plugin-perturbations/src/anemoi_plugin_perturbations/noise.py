"""Changes of an initial state that are noise."""

from __future__ import annotations

import torch
from anemoi.core.interfaces import Analysis
from anemoi_plugin_ensemble.grid_noise import GridNoise
from torch import Tensor

from .changes import sizes


def noisy_changes(
    noise: GridNoise,
    analysis: Analysis,
    generator: torch.Generator,
    amplitude: float,
    chosen: dict[str, list[str]],
) -> dict[str, Tensor]:
    """Draw changes of an initial state, the same at all of its times.

    Parameters
    ----------
    noise
        What they are.
    analysis
        What is to change.
    generator
        The only source of random numbers.
    amplitude
        The standard deviation at each point, in those of the change from one state to the next.
    chosen
        The variables of each domain that change, by the names of the network. Each has its own noise.

    Returns
    -------
    dict
        ``(1, 1, 1, grid, inputs)`` by domain, zero for other variables.
    """
    found = {}
    for name, domain in analysis.model.normalised.items():
        columns = [place for place, each in enumerate(domain.inputs) if each in chosen[name]]
        drawn = noise.draw(domain.grid, generator, len(columns))  # (grid, columns)
        change = drawn.new_zeros(1, 1, 1, len(domain.grid), len(domain.inputs))
        change[..., columns] = drawn * drawn.new_tensor(amplitude * sizes(domain)[columns])
        found[name] = change
    return found
