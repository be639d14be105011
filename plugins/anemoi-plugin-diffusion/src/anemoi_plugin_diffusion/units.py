"""The space that is sampled: fields of order one, and the way to states and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.interfaces import Fields
from torch import Tensor

Target = Literal["tendency", "state"]
"""The changes of prognostic variables in units of their standard deviation, or the normalised states."""


@dataclass(frozen=True, eq=False)
class Units:
    """The way between normalised states and fields of order one.

    Parameters
    ----------
    last
        What the first state changes from, ``(batch, 1, ensemble, grid, outputs)``; zero where a variable does
        not change from anything.
    changes
        Which outputs are changes, ``(outputs,)`` bool.
    scale
        The size of one unit, ``(outputs,)``.
    """

    last: Tensor
    changes: Tensor
    scale: Tensor

    def of(self, states: Tensor) -> Tensor:
        """Turn states, ``(batch, time out, ensemble, grid, outputs)``, into fields of order one."""
        before = torch.cat([self.last, states[:, :-1] * self.changes], dim=1)
        return (states - before) / self.scale

    def states(self, fields: Tensor) -> Tensor:
        """Turn fields of order one, ``(batch, time out, ensemble, grid, outputs)``, into states."""
        scaled = fields * self.scale
        return torch.where(self.changes, scaled.cumsum(dim=1), scaled) + self.last


def states_of(units: Mapping[str, Units], fields: Fields) -> dict[str, Tensor]:
    """Turn fields of order one of all domains into normalised states."""
    return {name: each.states(fields[name]) for name, each in units.items()}


def units_of(domain: Domain, inputs: Tensor, target: Target) -> Units:
    """Give the units of a forecast from ``inputs``.

    Parameters
    ----------
    domain
        Normalised.
    inputs
        ``(batch, time in, ensemble, grid, inputs)``.
    target
        What is sampled.
    """
    outputs, stdev = domain.outputs, np.ones(len(domain.outputs))
    changes = np.zeros(len(outputs), dtype=bool)
    last = inputs.new_zeros(*inputs[:, -1:].shape[:-1], len(outputs))
    if target == "tendency":
        into = [outputs.index(name) for name in domain.prognostic]
        changes[into] = True
        found = domain.changes.stdev[domain.columns(domain.prognostic)]
        stdev[into] = np.where(found > 0, found, 1.0)  # a variable may never have changed in the training
        last[..., into] = inputs[:, -1:][..., [domain.inputs.index(name) for name in domain.prognostic]]
    return Units(
        last,
        torch.as_tensor(changes, device=inputs.device),
        torch.as_tensor(stdev, dtype=inputs.dtype, device=inputs.device),
    )
