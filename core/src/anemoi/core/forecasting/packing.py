"""Fields of all domains as one row of numbers, as a journal keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model import ForecastModel


def packed(fields: Mapping[str, Tensor], model: ForecastModel) -> NDArray[np.float32]:
    """Fields of all domains as one row of numbers, in the model's order of domains."""
    rows = [fields[name].float().cpu().numpy().ravel() for name in model.domains if name in fields]
    return np.concatenate(rows)


def unpacked(
    values: NDArray[np.float32], model: ForecastModel, members: int, device: torch.device
) -> dict[str, Tensor]:
    """The outputs of one step from such a row, ``(1, time out, members, grid, outputs)`` by domain."""
    found, begin = {}, 0
    for name, domain in model.normalised.items():
        steps = model.steps[name]
        if not domain.outputs or not steps.outputs:
            continue
        shape = (1, len(steps.outputs), members, len(domain.grid), len(domain.outputs))
        size = int(np.prod(shape))
        found[name] = torch.from_numpy(values[begin : begin + size].reshape(shape)).to(device)
        begin += size
    return found
