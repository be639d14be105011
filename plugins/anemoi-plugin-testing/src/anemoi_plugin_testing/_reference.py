"""The simplest layers and model that keep their contracts, to try others beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges
from anemoi.core.interfaces.capability import Capability
from anemoi.core.interfaces.mapper import Mapper
from anemoi.core.interfaces.model import Fields, Model
from anemoi.core.interfaces.processor import Processor
from anemoi.core.steps import Steps
from torch import Tensor, nn

EVERYTHING = frozenset({Capability.COMPILE, Capability.EXPORT, Capability.LINEAR_MEMORY})


class MeanOverEdges(nn.Module):
    """The mean of what comes in along the edges of each target, weighted by nothing."""

    source: Tensor
    target: Tensor
    share: Tensor

    def __init__(self, edges: Edges, num_targets: int) -> None:
        super().__init__()
        degree = edges.row_pointers(num_targets).diff().clamp(min=1)
        self.register_buffer("source", edges.source, persistent=False)
        self.register_buffer("target", edges.target, persistent=False)
        self.register_buffer("share", 1.0 / degree[:, None].float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, source nodes, channels)`` to ``(batch, target nodes, channels)``."""
        total = x.new_zeros(x.shape[0], len(self.share), x.shape[2])
        return total.index_add(1, self.target, x[:, self.source]) * self.share.to(x.dtype)


def _refuse(condition: Tensor | None) -> None:
    if condition is not None:
        raise ConfigError("The simplest layers take no condition.", fix="Leave it out, or choose others.")


class MeanProcessor(Processor):
    """Adds to each node a linear function of itself and of the mean of its neighbours."""

    capabilities: ClassVar[frozenset[Capability]] = EVERYTHING

    def __init__(self, *, nodes: Any, edges: Edges, channels: int, bias: bool = True) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        self.mean = MeanOverEdges(edges, len(nodes))
        self.mix = nn.Linear(2 * channels, channels, bias=bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`; ``condition`` must be None."""
        _refuse(condition)
        return x + self.mix(torch.cat([x, self.mean(x)], dim=-1)).to(x.dtype)  # type: ignore[no-any-return]


class MeanMapper(Mapper):
    """A linear function of each target node and of the mean of the source nodes that it hears."""

    capabilities: ClassVar[frozenset[Capability]] = EVERYTHING

    def __init__(
        self,
        *,
        source: Any,
        target: Any,
        edges: Edges,
        source_channels: int,
        target_channels: int,
        channels: int,
        out_channels: int,
        bias: bool = True,
    ) -> None:
        super().__init__(
            source=source,
            target=target,
            edges=edges,
            source_channels=source_channels,
            target_channels=target_channels,
            channels=channels,
            out_channels=out_channels,
        )
        self.mean = MeanOverEdges(edges, len(target))
        self.mix = nn.Linear(source_channels + target_channels, out_channels, bias=bias)

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.mapper.Mapper.forward`; ``condition`` must be None."""
        _refuse(condition)
        return self.mix(torch.cat([target, self.mean(source)], dim=-1))  # type: ignore[no-any-return]


def _strided(x: Tensor) -> Tensor:
    """The same numbers, channel after channel in memory."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


class StridedProcessor(MeanProcessor):
    """Gives what a :class:`MeanProcessor` gives, laid out otherwise in memory."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """As that of :class:`MeanProcessor`."""
        return _strided(super().forward(x, condition))


class StridedMapper(MeanMapper):
    """Gives what a :class:`MeanMapper` gives, laid out otherwise in memory."""

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """As that of :class:`MeanMapper`."""
        return _strided(super().forward(source, target, condition))


class LinearModel(Model):
    """At each point, outputs that are linear in all its inputs and in the condition."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CONDITION})
    needs_graph: ClassVar[bool] = False

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Any,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        self.condition_channels = condition_channels
        self.times_out = {
            name: len(steps[name].outputs) for name, domain in domains.items() if domain.outputs
        }
        self.mix = nn.ModuleDict(
            {
                name: nn.Linear(
                    len(steps[name].inputs) * len(domains[name].inputs) + condition_channels,
                    times * len(domains[name].outputs),
                    bias=bias,
                )
                for name, times in self.times_out.items()
                if times
            }
        )

    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.model.Model.forward`."""
        if (0 if condition is None else condition.shape[-1]) != self.condition_channels:
            raise ConfigError(f"The simplest model was built for {self.condition_channels} conditions.")
        return {name: self.state(name, fields[name], condition) for name in self.mix}

    def state(self, name: str, states: Tensor, condition: Tensor | None) -> Tensor:
        """The outputs of one domain."""
        known = states.permute(0, 2, 3, 1, 4).flatten(3)  # (batch, ensemble, grid, time in x inputs)
        if condition is not None:
            known = torch.cat([known, condition[:, :, None].expand(-1, -1, known.shape[2], -1)], dim=-1)
        made = self.mix[name](known)  # (batch, ensemble, grid, time out x outputs)
        out: Tensor = made.unflatten(-1, (self.times_out[name], -1)).permute(0, 3, 1, 2, 4)
        return out
