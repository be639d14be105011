"""A domain, steps and fields to try losses and scalers on."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable
from torch import Tensor

HOUR: Final = np.timedelta64(3600, "s")

STEPS: Final = Steps(
    inputs=(-6 * HOUR, 0 * HOUR), outputs=(6 * HOUR, 12 * HOUR), step=12 * HOUR, interval=6 * HOUR
)

VARIABLES: Final[tuple[Variable, ...]] = (
    Variable(name="cos_latitude", role=Role.FORCING, computed=True),
    Variable(name="t_850", units="K", level=850, level_type="pressure"),
    Variable(name="t_50", units="K", level=50, level_type="pressure"),
    Variable(name="sst", units="K", may_be_missing=True),
    Variable(name="tp", role=Role.DIAGNOSTIC, units="m", accumulated=6 * HOUR),
)
CHANGES: Final[tuple[float, ...]] = (np.nan, 0.4, 0.1, 0.02, np.nan)
ROWS, COLUMNS = 4, 6


def domain(*, points: slice = slice(None), variables: slice = slice(None)) -> Domain:
    """A small one with an output of each sort, on a regular grid of the globe, normalised.

    Parameters
    ----------
    points, variables
        Which of them, in which order; all by default.
    """
    latitudes, longitudes = np.meshgrid(
        np.linspace(67.5, -67.5, ROWS), 360.0 / COLUMNS * np.arange(COLUMNS), indexing="ij"
    )
    grid = Grid(latitudes.ravel()[points], longitudes.ravel()[points])
    size = len(VARIABLES[variables])
    normal = Statistics(np.zeros(size), np.ones(size), np.full(size, -3.0), np.full(size, 3.0))
    changes = replace(normal, stdev=np.array(CHANGES)[variables])
    return Domain(VARIABLES[variables], grid, 6 * HOUR, normal, changes)


def fields(domain: Domain, *, seed: int = 1, members: int = 3, truths: int = 1) -> tuple[Tensor, Tensor]:
    """A prediction and a target, normally distributed, ``(batch, time, ensemble, grid, outputs)``."""
    generator = torch.Generator().manual_seed(seed)
    rest = (len(domain.grid), len(domain.outputs))
    prediction = torch.randn(2, len(STEPS.outputs), members, *rest, generator=generator)
    return prediction, torch.randn(2, len(STEPS.outputs), truths, *rest, generator=generator)
