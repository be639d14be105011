"""The model ``hierarchical``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, pairwise
from typing import Annotated, ClassVar, cast

from anemoi.core.config import Builder, Component
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import HIDDEN, Graph
from anemoi.core.interfaces import Capability, Mapper, Processor
from anemoi.core.model import EncoderProcessorDecoder
from anemoi.core.steps import Steps
from torch import Tensor, nn

PLACE = 3
"""What an upper node knows before it hears the level below: its position, a unit vector."""


class HierarchicalModel(EncoderProcessorDecoder):
    """An encoder-processor-decoder whose hidden nodes have levels: up through all of them, and down again.

    On the way up each level hears the one below and works on what it hears; on the way down each adds what
    the one above says, and works on it once more. So information crosses the globe at the coarsest level, in
    few steps, and details stay on the finest (Oskarsson et al., "Graph-based neural weather prediction for
    limited area modeling", 2023: Hi-LAM).

    Parameters
    ----------
    domains, graph, steps, condition_channels
        As for every :class:`~anemoi.core.interfaces.model.Model`. The levels of the graph are ``hidden``,
        ``hidden_1``, ``hidden_2`` and so on, each joined to itself, to the next, and back.
    channels
        The size of the latent state of a node, the same on all levels.
    encoder, decoder
        Between the grids and the nodes ``hidden``.
    processor
        Works on the nodes of a level; each level has one on the way up, and one, but for the highest, on the
        way down.
    up, down
        From a level to the next, and back.

    Raises
    ------
    ConfigError
        If the graph has one level, or levels that are not joined.
    """

    # A condition on nodes lies on those of one level, and the others have their own.
    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.CONDITION})

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        channels: int,
        encoder: Annotated[Builder, Component("mapper")],
        processor: Annotated[Builder, Component("processor")],
        decoder: Annotated[Builder, Component("mapper")],
        up: Annotated[Builder, Component("mapper")],
        down: Annotated[Builder, Component("mapper")],
    ) -> None:
        super().__init__(
            domains=domains,
            graph=graph,
            steps=steps,
            condition_channels=condition_channels,
            channels=channels,
            encoder=encoder,
            processor=processor,
            decoder=decoder,
        )
        assert graph is not None  # or the base would have refused it
        finest = self.processor
        self.processor = cast(
            Processor,
            Levels(
                graph,
                channels=channels,
                finest=finest,
                processor=_conditioned(processor, condition_channels),
                up=_conditioned(up, condition_channels),
                down=_conditioned(down, condition_channels),
            ),
        )
        self.takes_condition["processor"] = condition_channels > 0


class Levels(nn.Module):
    """Up through the levels of a graph, and down again.

    Parameters
    ----------
    graph
        With two levels or more.
    channels
        The size of the latent state of a node.
    finest
        The processor of the nodes ``hidden`` on the way up.
    processor, up, down
        Build the others, and what leads from level to level.

    Raises
    ------
    ConfigError
        If the graph has one level, or levels that are not joined.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        channels: int,
        finest: nn.Module,
        processor: Builder,
        up: Builder,
        down: Builder,
    ) -> None:
        super().__init__()
        names = levels_of(graph)
        self.takes_condition = {
            part: bool(builder.spec.get("condition_channels"))
            for part, builder in (("processor", processor), ("up", up), ("down", down))
        }
        self.upward = nn.ModuleList(
            _mapper(up, graph, lower, upper, channels, target_channels=PLACE)
            for lower, upper in pairwise(names)
        )
        self.downward = nn.ModuleList(
            _mapper(down, graph, upper, lower, channels, target_channels=channels)
            for lower, upper in pairwise(names)
        )
        self.rising = nn.ModuleList(
            [finest, *(_processor(processor, graph, name, channels) for name in names[1:])]
        )
        self.sinking = nn.ModuleList(_processor(processor, graph, name, channels) for name in names[:-1])
        for number, name in enumerate(names):  # not weights: a checkpoint keeps the graph by itself
            self.register_buffer(f"place_{number}", graph.nodes[name].positions.float(), persistent=False)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """From the latent state of the finest level, ``(batch, hidden, channels)``, to the next one."""
        given = {
            part: {"condition": condition} if takes else {} for part, takes in self.takes_condition.items()
        }
        states = [self.rising[0](x, **given["processor"])]
        for number, (mapper, processor) in enumerate(zip(self.upward, self.rising[1:], strict=True), start=1):
            place = self.get_buffer(f"place_{number}").expand(len(x), -1, -1)  # (batch, nodes, 3)
            heard = mapper(states[-1], place, **given["up"])  # (batch, nodes, channels)
            states.append(processor(heard, **given["processor"]))
        above: Tensor = states.pop()
        for mapper, processor in zip(reversed(self.downward), reversed(self.sinking), strict=True):
            below = states.pop()  # (batch, nodes, channels)
            above = processor(below + mapper(above, below, **given["down"]), **given["processor"])
        return above


def levels_of(graph: Graph) -> list[str]:
    """The names of the levels of a graph, the finest first.

    Raises
    ------
    ConfigError
        If there is one alone, or one is not joined to itself and to the next.
    """
    names = [HIDDEN]
    for number in count(1):
        if (name := f"{HIDDEN}_{number}") not in graph.nodes:
            break
        names.append(name)
    if len(names) == 1:
        raise ConfigError(
            "The model hierarchical needs a graph with levels, but this one has the nodes "
            f"{', '.join(graph.nodes)} alone.",
            fix="Choose one: graph=hierarchical",
        )
    wanted = [(name, name) for name in names]
    wanted += [ends for one, other in pairwise(names) for ends in ((one, other), (other, one))]
    if absent := [ends for ends in wanted if ends not in graph.edges]:
        raise ConfigError(
            f"The levels of the graph are not joined: it has no edges {' -> '.join(absent[0])}.",
            fix="Add them to its recipe, as graph=hierarchical has them.",
        )
    return names


def _conditioned(builder: Builder, channels: int) -> Builder:
    """The same, built for the condition that there is, if it takes one."""
    able = Capability.CONDITION in getattr(builder.component, "capabilities", ())
    return builder.with_options(condition_channels=channels) if able and channels else builder


def _mapper(
    builder: Builder, graph: Graph, source: str, target: str, channels: int, *, target_channels: int
) -> Mapper:
    mapper: Mapper = builder(
        source=graph.nodes[source],
        target=graph.nodes[target],
        edges=graph.edges[source, target],
        source_channels=channels,
        target_channels=target_channels,
        channels=channels,
        out_channels=channels,
    )
    return mapper


def _processor(builder: Builder, graph: Graph, name: str, channels: int) -> Processor:
    processor: Processor = builder(nodes=graph.nodes[name], edges=graph.edges[name, name], channels=channels)
    return processor
