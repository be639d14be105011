"""The model ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.interfaces import Fields, Model
from anemoi.core.steps import Steps
from torch import Tensor, nn


class {{ cookiecutter.__class }}(Model):
    """A neural operator of low rank, on any grid, without a graph.

    In each layer a point adds to its state what it makes of that and of some means over all points, each with
    a weight that is learnt as a function of position (Kovachki et al., "Neural operator: learning maps
    between function spaces", 2023). Points of several domains share the means. A prognostic output is its
    last input and a change, in units of the standard deviation of changes; a diagnostic one is predicted
    as it is.

    Parameters
    ----------
    domains, graph, steps, condition_channels
        As for every :class:`~anemoi.core.interfaces.model.Model`; the graph is not looked at.
    channels
        The size of the state of a point.
    num_layers
        How many layers.
    modes
        How many means each layer takes.

    Raises
    ------
    ConfigError
        If an option is less than one, or there is a condition, which it cannot take.
    """

    needs_graph: ClassVar[bool] = False

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        channels: int = 32,
        num_layers: int = 4,
        modes: int = 16,
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        if min(channels, num_layers, modes) < 1:
            raise ConfigError(f"channels is {channels}, num_layers {num_layers} and modes {modes}.")
        if condition_channels:
            raise ConfigError("This model takes no condition.", fix="Choose an objective without noise.")
        self.ends = nn.ModuleDict(
            {name: _Ends(domain, steps[name], channels) for name, domain in domains.items()}
        )
        self.basis = nn.Sequential(nn.Linear(3, 2 * modes), nn.GELU(), nn.Linear(2 * modes, modes))
        self.layers = nn.ModuleList(_Layer(channels) for _ in range(num_layers))

    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.model.Model.forward`; there is no condition."""
        ends = {name: cast("_Ends", each) for name, each in self.ends.items()}
        # All points of all domains in a row: (batch, ensemble, points, channels).
        x = torch.cat([each.encode(fields[name]) for name, each in ends.items()], dim=2)
        basis = self.basis(torch.cat([each.positions for each in ends.values()]))  # (points, modes)
        shares = torch.cat([each.shares for each in ends.values()]) / len(ends)  # (points, 1)
        for layer in self.layers:
            x = layer(x, basis, shares)
        own = torch.split(x, [len(each.positions) for each in ends.values()], dim=2)
        return {
            name: each.decode(state, fields[name])
            for (name, each), state in zip(ends.items(), own, strict=True)
            if each.decoder is not None
        }


class _Ends(nn.Module):
    """Where the states of one domain come in, and where they go out."""

    positions: Tensor
    shares: Tensor
    change: Tensor

    def __init__(self, domain: Domain, steps: Steps, channels: int) -> None:
        super().__init__()
        self.times, count = len(steps.outputs), len(domain.outputs) * len(steps.outputs)
        self.taken = [domain.inputs.index(name) for name in domain.prognostic]
        self.given = [domain.outputs.index(name) for name in domain.prognostic]
        self.encoder = nn.Linear(len(steps.inputs) * len(domain.inputs) + 3, channels)
        self.decoder = nn.Linear(channels, count) if count else None
        areas = torch.from_numpy(domain.grid.areas)
        change = torch.from_numpy(domain.changes.stdev)[domain.columns(domain.prognostic)]
        # Not part of the weights: a checkpoint keeps the domain, and they follow from it.
        self.register_buffer("positions", torch.from_numpy(domain.grid.positions).float(), persistent=False)
        self.register_buffer("shares", (areas / areas.sum()).float()[:, None], persistent=False)
        self.register_buffer("change", change.float(), persistent=False)

    def encode(self, fields: Tensor) -> Tensor:
        """``(batch, time in, ensemble, grid, inputs)`` to ``(batch, ensemble, grid, channels)``."""
        known = fields.permute(0, 2, 3, 1, 4).flatten(3)
        places = self.positions.expand(*known.shape[:3], 3)
        encoded: Tensor = self.encoder(torch.cat([known, places], dim=-1))
        return encoded

    def decode(self, x: Tensor, fields: Tensor) -> Tensor:
        """``(batch, ensemble, grid, channels)`` to ``(batch, time out, ensemble, grid, outputs)``."""
        assert self.decoder is not None
        made = self.decoder(x).unflatten(-1, (self.times, -1)).permute(0, 3, 1, 2, 4)
        outputs = list(made.unbind(-1))
        for number, (taken, given) in enumerate(zip(self.taken, self.given, strict=True)):
            outputs[given] = fields[:, -1:, ..., taken] + self.change[number] * outputs[given]
        return torch.stack(outputs, dim=-1)


class _Layer(nn.Module):
    """One exchange between all points."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.of_point, self.of_means = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.update = nn.Linear(channels, channels)

    def forward(self, x: Tensor, basis: Tensor, shares: Tensor) -> Tensor:
        """``(batch, ensemble, points, channels)`` to the same shape."""
        state = self.norm(x)
        means = self.of_means((basis * shares).T @ state)  # (batch, ensemble, modes, channels)
        change: Tensor = self.update(nn.functional.gelu(self.of_point(state) + basis @ means))
        return x + change
