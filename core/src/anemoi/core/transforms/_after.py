"""The domain that a transform leaves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from ..domain import Domain, Statistics
from ..interfaces.transform import Transform
from ..variable import Variable


def domain_after(
    step: Transform, variables: tuple[Variable, ...], statistics: Statistics, changes: Statistics
) -> Domain:
    """The domain that ``step`` leaves: its constants taken through it, its masks under their new names.

    Parameters
    ----------
    step
        A transform that is on the CPU, or has no buffers.
    variables, statistics, changes
        Those after it.
    """
    before = step.before
    constants: dict[str, NDArray[np.float32]] = {}
    for name, values in before.constants.items():
        left = step.forward(torch.tensor(values)[:, None], (name,))  # (grid, names after)
        constants.update(zip(step.renamed((name,)), left.numpy().T, strict=True))
    missing = {new: mask for name, mask in before.missing.items() for new in step.renamed((name,))}
    return replace(
        before,
        variables=variables,
        statistics=statistics,
        changes=changes,
        constants=constants,
        missing=missing,
    )
