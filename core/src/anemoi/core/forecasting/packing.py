"""Fields of all domains as one row of numbers, as a journal keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model import ForecastModel

Which = Literal["inputs", "outputs"]
"""What a step is given, or what it gives."""


def packed(fields: Mapping[str, Tensor], model: ForecastModel) -> NDArray[np.float32]:
    """Fields of all domains as one row of numbers, in the model's order of domains."""
    rows = [fields[name].float().cpu().numpy().ravel() for name in model.domains if name in fields]
    return np.concatenate(rows)


def unpacked(
    values: NDArray[np.float32],
    model: ForecastModel,
    members: int,
    device: torch.device,
    which: Which = "outputs",
) -> dict[str, Tensor]:
    """The fields of one step from such a row, ``(1, time, members, grid, inputs or outputs)`` by domain."""
    found, begin = {}, 0
    for name, domain in model.normalised.items():
        times, names = getattr(model.steps[name], which), getattr(domain, which)
        if not times or not names:
            continue
        shape = (1, len(times), members, len(domain.grid), len(names))
        size = int(np.prod(shape))
        found[name] = torch.from_numpy(values[begin : begin + size].reshape(shape)).to(device)
        begin += size
    return found
