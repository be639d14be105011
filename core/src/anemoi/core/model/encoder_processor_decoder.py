"""The model on a graph: an encoder and a decoder for each domain, and one processor on the hidden nodes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Annotated, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ..config import Builder, Component
from ..domain import Domain
from ..errors import ConfigError
from ..graph import HIDDEN, Edges, Graph, Nodes
from ..interfaces.capability import Capability
from ..interfaces.mapper import Mapper
from ..interfaces.model import Fields, Model
from ..interfaces.processor import Processor
from ..steps import Steps

_PLACE = 3
"""What the encoder knows of a hidden node: its position, a unit vector."""


class EncoderProcessorDecoder(Model):
    """Encodes the inputs of every domain onto hidden nodes, works on those, and decodes to every domain.

    A prognostic variable goes out as its last input plus a change. Changes, those that come in and those that
    go out of a decoder, are in units of the standard deviation of the change from one state to the next, so
    that they are of order one however slowly a variable changes (as in GraphCast, Lam et al., Science 2023).
    A diagnostic variable goes out as the decoder gives it. Constant and computed forcings come in once, at
    the last input time; others at every one.

    Parameters
    ----------
    domains, graph, steps, condition_channels, condition_on_nodes
        As for every :class:`~anemoi.core.interfaces.model.Model`. The outputs of several encoders are
        added on the hidden nodes. A condition on nodes goes to the processor alone.
    channels
        The size of the latent state of a node.
    encoder
        Brings the state from the grid of each domain to the hidden nodes.
    processor
        Works on the hidden nodes.
    decoder
        Brings the result back to the grid of each domain.

    Raises
    ------
    ConfigError
        If the graph has no edges for a domain, or a condition comes that no layer takes, or a layer is built
        for one that does not come.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CONDITION, Capability.NODE_CONDITION}
    )

    hidden_features: Tensor

    def __init__(
        self,
        *,
        domains: Mapping[str, Domain],
        graph: Graph | None,
        steps: Mapping[str, Steps],
        condition_channels: int = 0,
        condition_on_nodes: bool = False,
        channels: Annotated[int, Field(ge=1)],
        encoder: Annotated[Builder, Component("mapper")],
        processor: Annotated[Builder, Component("processor")],
        decoder: Annotated[Builder, Component("mapper")],
    ) -> None:
        super().__init__(domains=domains, graph=graph, steps=steps, condition_channels=condition_channels)
        if graph is None:
            raise ConfigError(
                "The model encoder-processor-decoder needs a graph.", fix="Choose one: graph=NAME"
            )
        parts = {"encoder": encoder, "processor": processor, "decoder": decoder}
        conditioned = _conditioned(parts, condition_channels, on_nodes=condition_on_nodes)
        self.condition_channels, self.condition_on_nodes = condition_channels, condition_on_nodes
        self.takes_condition = {
            part: bool(builder.spec.get("condition_channels")) for part, builder in conditioned.items()
        }
        self.inputs = {name: _Inputs(domain, len(steps[name].inputs)) for name, domain in domains.items()}
        self.outputs = {
            name: _Outputs(domain, len(steps[name].outputs))
            for name, domain in domains.items()
            if domain.outputs and steps[name].outputs
        }
        hidden = self._hidden = graph.nodes[HIDDEN]
        for name in domains:
            _check_edges(graph, name, decoded=name in self.outputs)
        self.encoders = nn.ModuleDict(
            {
                name: conditioned["encoder"](
                    source=graph.nodes[name],
                    target=hidden,
                    edges=graph.edges[name, HIDDEN],
                    source_channels=inputs.channels,
                    target_channels=_PLACE,
                    channels=channels,
                    out_channels=channels,
                )
                for name, inputs in self.inputs.items()
            }
        )
        self.processor = cast(
            Processor,
            conditioned["processor"](nodes=hidden, edges=_among_hidden(graph), channels=channels),
        )
        self.decoders = nn.ModuleDict(
            {
                name: conditioned["decoder"](
                    source=hidden,
                    target=graph.nodes[name],
                    edges=graph.edges[HIDDEN, name],
                    source_channels=channels,
                    target_channels=self.inputs[name].channels,
                    channels=channels,
                    out_channels=outputs.channels,
                )
                for name, outputs in self.outputs.items()
            }
        )
        # Not part of the weights: a checkpoint keeps statistics and the graph by themselves.
        self.register_buffer("hidden_features", hidden.positions.float(), persistent=False)
        for name, domain in domains.items():
            scale = torch.tensor(domain.changes.stdev, dtype=torch.float32)[domain.columns(domain.prognostic)]
            self.register_buffer(f"change_of_{name}", scale, persistent=False)

    @property
    def condition_nodes(self) -> Nodes:
        """See :meth:`anemoi.core.interfaces.model.Model.condition_nodes`."""
        return self._hidden

    def forward(self, fields: Fields, condition: Tensor | None = None) -> dict[str, Tensor]:
        """See :meth:`anemoi.core.interfaces.model.Model.forward`."""
        batch, _, members = next(iter(fields.values())).shape[:3]
        self._check_condition(condition)
        given = (
            None if condition is None else condition.flatten(0, 1)
        )  # (batch x ensemble, [nodes,] channels)
        data = {
            name: inputs.features(fields[name], self.get_buffer(f"change_of_{name}"))
            for name, inputs in self.inputs.items()
        }  # (batch x ensemble, grid, features) each
        hidden = self.hidden_features.expand(batch * members, -1, -1)  # (batch x ensemble, hidden, 3)
        encoded = (
            cast(Mapper, encoder)(data[name], hidden, **self._condition("encoder", given))
            for name, encoder in self.encoders.items()
        )
        latent = reduce(torch.add, encoded)  # (batch x ensemble, hidden, channels)
        latent = self.processor(latent, **self._condition("processor", given))
        return {
            name: outputs.states(
                cast(Mapper, self.decoders[name])(latent, data[name], **self._condition("decoder", given)),
                fields[name],
                self.get_buffer(f"change_of_{name}"),
            )
            for name, outputs in self.outputs.items()
        }

    def _check_condition(self, condition: Tensor | None) -> None:
        seen = () if condition is None else tuple(condition.shape[2:])
        nodes = (len(self._hidden),) if self.condition_on_nodes else ()
        expected = (*nodes, self.condition_channels) if self.condition_channels else ()
        if seen != expected:
            raise ConfigError(
                f"The model was built for a condition of the shape (batch, ensemble, *{expected}), but given "
                f"(batch, ensemble, *{seen})."
            )

    def _condition(self, part: str, condition: Tensor | None) -> dict[str, Tensor | None]:
        return {"condition": condition} if self.takes_condition[part] else {}


class _Inputs:
    """How the inputs of a domain become the features of its nodes."""

    def __init__(self, domain: Domain, steps: int) -> None:
        place = {name: number for number, name in enumerate(domain.inputs)}
        self.prognostic = [place[name] for name in domain.prognostic]
        self.moving = [place[name] for name in domain.forcings if name not in domain.fixed]
        self.fixed = [place[name] for name in domain.fixed]
        self.channels = steps * (len(self.prognostic) + len(self.moving)) + len(self.fixed)

    def features(self, fields: Tensor, change: Tensor) -> Tensor:
        """From ``(batch, time, ensemble, grid, inputs)`` to ``(batch x ensemble, grid, features)``."""
        states = _columns(fields, self.prognostic)
        changes = states.diff(dim=1) / change  # (batch, time - 1, ensemble, grid, prognostic)
        parts = [_flat(torch.cat([changes, states[:, -1:]], dim=1))]
        if self.moving:
            parts.append(_flat(_columns(fields, self.moving)))
        if self.fixed:
            parts.append(_flat(_columns(fields[:, -1:], self.fixed)))
        return torch.cat(parts, dim=-1)


class _Outputs:
    """How what a decoder gives becomes the outputs of a domain."""

    def __init__(self, domain: Domain, steps: int) -> None:
        self.count, self.steps = len(domain.outputs), steps
        self.channels = self.count * steps
        self.from_inputs = [domain.inputs.index(name) for name in domain.prognostic]
        self.to_outputs = [domain.outputs.index(name) for name in domain.prognostic]

    def states(self, decoded: Tensor, fields: Tensor, change: Tensor) -> Tensor:
        """From ``(batch x ensemble, grid, channels)`` to ``(batch, time out, ensemble, grid, outputs)``."""
        batch, _, members, grid = fields.shape[:4]
        given = decoded.reshape(batch, members, grid, self.steps, self.count).permute(0, 3, 1, 2, 4)
        if not self.to_outputs:
            return given
        last = _columns(fields[:, -1:], self.from_inputs)  # (batch, 1, ensemble, grid, prognostic)
        if len(self.to_outputs) == self.count:
            return last + change * given
        changed = last + change * given[..., self.to_outputs]
        into = torch.tensor(self.to_outputs, device=given.device)
        return given.index_copy(-1, into, changed.to(given.dtype))


def _columns(fields: Tensor, columns: list[int]) -> Tensor:
    """Some variables; a view where they are neighbours."""
    if columns and columns == list(range(columns[0], columns[0] + len(columns))):
        return fields[..., columns[0] : columns[0] + len(columns)]
    return fields[..., columns]


def _flat(fields: Tensor) -> Tensor:
    """From ``(batch, time, ensemble, grid, variable)`` to ``(batch x ensemble, grid, time x variable)``."""
    batch, time, members, grid, variables = fields.shape
    return fields.permute(0, 2, 3, 1, 4).reshape(batch * members, grid, time * variables)


def _conditioned(parts: Mapping[str, Builder], channels: int, *, on_nodes: bool) -> dict[str, Builder]:
    """Tell layers that take a condition how many numbers it has, and refuse what does not fit.

    One ``on_nodes`` goes to the processor alone, since encoder and decoder have other nodes too.
    """
    if on_nodes and not _can(parts["processor"], Capability.NODE_CONDITION):
        raise ConfigError(
            f"The objective conditions each hidden node on {channels} numbers, but the processor takes a "
            "condition for a whole member alone.",
            fix="Choose one that declares Capability.NODE_CONDITION, such as "
            "model.processor.name=transformer, or noise that is the same everywhere: objective.noise=global.",
        )
    found = {}
    for part, builder in parts.items():
        wanted = builder.spec.get("condition_channels", 0)
        able = _can(builder, Capability.CONDITION) and (part == "processor" or not on_nodes)
        if wanted and (wanted != channels or not able):
            provided = f"{channels} are provided" if channels else "nothing provides one"
            raise ConfigError(
                f"model.{part}.condition_channels is {wanted}: the {part} waits for a condition of {wanted} "
                f"numbers, but {provided}.",
                fix="Leave condition_channels out: the objective sets it, if it uses noise.",
            )
        found[part] = builder.with_options(condition_channels=channels) if able and channels else builder
    if channels and not any(builder.spec.get("condition_channels") for builder in found.values()):
        raise ConfigError(
            f"The objective conditions the model on {channels} numbers, but none of its encoder, processor "
            "and decoder takes a condition.",
            fix="Choose one that declares Capability.CONDITION, such as model.processor.name=transformer.",
        )
    return found


def _can(builder: Builder, capability: Capability) -> bool:
    return capability in getattr(builder.component, "capabilities", ())


def _among_hidden(graph: Graph) -> Edges:
    """The edges among the hidden nodes; none for processors that need none, such as a transformer's."""
    if (HIDDEN, HIDDEN) in graph.edges:
        return graph.edges[HIDDEN, HIDDEN]
    nothing = torch.empty(0, dtype=torch.int64)
    return Edges(nothing, nothing, torch.empty(0, 0))


def _check_edges(graph: Graph, name: str, *, decoded: bool) -> None:
    wanted = [(name, HIDDEN), *([(HIDDEN, name)] if decoded else [])]
    if name not in graph.nodes or any(ends not in graph.edges for ends in wanted):
        raise ConfigError(
            f"The graph does not join the domain {name!r} to hidden nodes: it has nodes "
            f"{', '.join(graph.nodes)} and edges {', '.join(' -> '.join(ends) for ends in graph.edges)}.",
            fix="Choose another graph builder: graph=NAME",
        )
