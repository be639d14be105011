"""The processor and the mappers of a graph neural network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from anemoi.core.graph import DATA, HIDDEN, Edges, Nodes
from anemoi.models.distributed.shapes import BipartiteGraphShardInfo, GraphShardInfo
from anemoi.models.layers.mapper import GNNBackwardMapper, GNNForwardMapper
from anemoi.models.layers.processor import GNNProcessor as PeerProcessor
from anemoi_plugin_gnn.mapper import GNNMapper
from anemoi_plugin_gnn.processor import GNNProcessor
from torch import Tensor, nn

from . import Contest, Parity

DISTRIBUTION = "anemoi-plugin-gnn"

MLPS = {
    "conv.embed": "emb_edges",
    "conv.mlp": "conv.edge_mlp",
    "node_mlp": "node_mlp",
    "embed_source": "emb_nodes_src",
    "embed_target": "emb_nodes_dst",
    "embed_out": "node_data_extractor",
}
"""Our MLPs, by the peer's names."""


def kernels(activation: str | None) -> dict[str, Any]:
    """What the peer makes its MLPs of."""
    return {"Activation": {"_target_": {None: "torch.nn.GELU", "silu": "torch.nn.SiLU"}[activation]}}


def batched(edges: Edges, batch: int, num_source: int, num_target: int) -> tuple[Tensor, Tensor]:
    """Edge features and indices for nodes that are folded into the batch."""
    item = torch.arange(batch, device=edges.source.device)[:, None]
    source, target = edges.source + item * num_source, edges.target + item * num_target
    return edges.attributes.repeat(batch, 1), torch.stack([source.flatten(), target.flatten()])


class TheirProcessor(nn.Module):
    """The peer's processor behind our interface."""

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        num_layers: int,
        num_chunks: int = 1,
        mlp_extra_layers: int = 0,
        activation: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.edges = edges
        self.processor = PeerProcessor(
            num_channels=channels,
            num_layers=num_layers,
            num_chunks=num_chunks,
            mlp_extra_layers=mlp_extra_layers,
            edge_dim=edges.attributes.shape[1],
            gradient_checkpointing=False,
            layer_kernels=kernels(activation),
            **options,
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, nodes, channels)`` to the same; the peer folds nodes into the batch."""
        batch, nodes, _ = x.shape
        features, index = batched(self.edges, batch, nodes, nodes)
        shards = GraphShardInfo(nodes=[batch * nodes], edges=None)
        out = self.processor(x.flatten(0, 1), batch, shards, features.type_as(x), index)
        return out.unflatten(0, (batch, nodes))


class TheirMapper(nn.Module):
    """One of the peer's two mappers behind our interface."""

    def __init__(
        self,
        kind: type[GNNForwardMapper | GNNBackwardMapper],
        *,
        source: Nodes,
        target: Nodes,
        edges: Edges,
        source_channels: int,
        target_channels: int,
        channels: int,
        out_channels: int,
        mlp_extra_layers: int = 0,
        activation: str | None = None,
        embed_out: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.edges = edges
        self.mapper = kind(
            in_channels_src=source_channels,
            in_channels_dst=target_channels,
            num_channels=channels,
            out_channels_dst=out_channels,
            num_chunks=1,
            mlp_extra_layers=mlp_extra_layers,
            edge_dim=edges.attributes.shape[1],
            gradient_checkpointing=False,
            layer_kernels=kernels(activation),
            **options,
        )

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Our contract; the peer folds nodes into the batch, and its encoder gives the source as well."""
        batch, num_source, num_target = len(source), source.shape[1], target.shape[1]
        features, index = batched(self.edges, batch, num_source, num_target)
        sizes = BipartiteGraphShardInfo([batch * num_source], [batch * num_target], None)
        nodes = source.flatten(0, 1), target.flatten(0, 1)
        out = self.mapper(nodes, batch, sizes, features.type_as(source), index)
        out = out[1] if isinstance(out, tuple) else out
        return out.unflatten(0, (batch, num_target))


def weights(ours: Mapping[str, Tensor], *, extra_layers: int, gated: bool) -> dict[str, Tensor]:
    """Our parameters under the peer's names."""
    theirs = {}
    for name, value in ours.items():
        prefix, path = "mapper.", name.removeprefix("layer.")
        if name.startswith("layers."):
            _, layer, path = name.split(".", 2)
            prefix = f"processor.proc.{layer}."
        elif not path.startswith("conv.embed") and name.startswith("layer."):
            prefix = "mapper.proc."
        mlp = next(each for each in MLPS if path.startswith(f"{each}."))
        for part, piece in _parts(path.removeprefix(f"{mlp}."), value, extra_layers, gated):
            theirs[f"{prefix}{MLPS[mlp]}.{part}"] = piece
    return theirs


def _parts(path: str, value: Tensor, extra_layers: int, gated: bool) -> list[tuple[str, Tensor]]:
    match path.split("."):
        case ["norm", "norm", last]:
            return [(f"layer_norm.{last}", value)]
        case ["hidden", index, "linear", last] if gated:
            gate, gated_value = value.chunk(2)
            layer = f"mlp.{index}"
            return [(f"{layer}.gate_proj.{last}", gate), (f"{layer}.value_proj.{last}", gated_value)]
        case ["hidden", index, "linear", last]:  # the peer counts activations among the layers
            return [(f"mlp.{2 * int(index)}.{last}", value)]
        case ["out", last]:
            return [(f"mlp.{(2 + extra_layers) * (1 if gated else 2)}.{last}", value)]
    raise KeyError(path)


def _linear(count: int, *widths: int) -> int:
    """Operations of linear layers between these widths, for so many rows."""
    return sum(2 * count * a * b for a, b in pairwise(widths))


def _processor_work(arguments: Mapping[str, Any]) -> tuple[float, float]:
    nodes, edges = len(arguments["nodes"]), len(arguments["edges"])
    c, layers, features = (
        arguments["channels"],
        arguments["num_layers"],
        arguments["edges"].attributes.shape[1],
    )
    embedding = _linear(edges, features, c, c, c)
    of_edges, of_nodes = _linear(edges, c, c, c, c), 2 * _linear(nodes, c, c) + _linear(nodes, 2 * c, c, c, c)
    # The states of edges and nodes in and out, and what nodes say to edges and edges to nodes.
    values = c * (2 * edges + 5 * nodes)
    return embedding + layers * (of_edges + of_nodes), layers * 4 * values


def _mapper_work(arguments: Mapping[str, Any]) -> tuple[float, float]:
    sources, targets, edges = (len(arguments[name]) for name in ("source", "target", "edges"))
    c, out = arguments["channels"], arguments["out_channels"]
    of_edges = _linear(edges, arguments["edges"].attributes.shape[1], c, c, c, c, c, c)
    of_nodes = _linear(sources, c, c) + _linear(targets, c, c) + _linear(targets, 2 * c, c, c, c)
    for count, before in ((sources, arguments["source_channels"]), (targets, arguments["target_channels"])):
        if before != c:
            of_nodes += _linear(count, before, c, c, c)
    if out != c:
        of_nodes += _linear(targets, c, c, c, out)
    return of_edges + of_nodes, 4 * c * (edges + 3 * sources + 5 * targets)


def _nodes(count: int) -> Nodes:
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def _edges(sources: int, targets: int, count: int) -> Edges:
    """Uneven degrees: one target hears much, and the last hears nothing, nor is the last source heard."""
    number = torch.arange(count)
    target = torch.where(number % 2 == 0, 0, number * 7 % max(1, targets - 1))
    source = number * 5 % max(1, sources - 1)
    attributes = torch.stack([(number * 0.7).sin(), (number * 1.3).cos(), (number * 0.1).sin()], dim=-1)
    return Edges.sorted(source, target, attributes, ("length", "x", "y"))


def _case(
    name: str, part: str, ours: Callable[..., nn.Module], theirs: Callable[..., nn.Module], **given: Any
) -> Parity:
    inputs = given.pop("inputs")
    gated = given.get("mlp_implementation", "mlp") != "mlp"
    mapped = partial(weights, extra_layers=given.get("mlp_extra_layers", 0), gated=gated)
    return Parity(f"{part}-{name}", ours, theirs, {"channels": 8, **given}, inputs, mapped)


def _processor(name: str, **options: Any) -> Parity:
    graph = {"nodes": _nodes(11), "edges": _edges(11, 11, 47)}
    given = {"inputs": {"x": (2, 11, 8)}, "num_layers": 2, **graph, **options}
    return _case(name, "processor", GNNProcessor, TheirProcessor, **given)


def _mapper(name: str, kind: Any, sizes: dict[str, int], **options: Any) -> Parity:
    graph = {"source": _nodes(9), "target": _nodes(7), "edges": _edges(9, 7, 30)}
    inputs = {"source": (2, 9, sizes["source_channels"]), "target": (2, 7, sizes["target_channels"])}
    given = {"inputs": inputs, **graph, **sizes, **options}
    return _case(name, "mapper", GNNMapper, partial(TheirMapper, kind), **given)


ENCODER = {"source_channels": 5, "target_channels": 3, "out_channels": 8}
DECODER = {"source_channels": 8, "target_channels": 8, "out_channels": 2}

PARITY = [
    _processor("plain"),
    _processor("swiglu", mlp_implementation="swiglu"),
    _processor("silu-deep", activation="silu", mlp_extra_layers=1),
    _processor("wide", mlp_hidden_ratio=1.5, num_layers=4, num_chunks=2),
    _mapper("encoder", GNNForwardMapper, ENCODER),
    _mapper("encoder-swiglu", GNNForwardMapper, ENCODER, mlp_implementation="swiglu", mlp_hidden_ratio=1.5),
    _mapper("decoder", GNNBackwardMapper, DECODER),
    _mapper("decoder-deep", GNNBackwardMapper, DECODER, mlp_extra_layers=2),
]

CONTESTS = [
    Contest(
        name="GNN processor",
        ends=(HIDDEN, HIDDEN),
        ours=GNNProcessor,
        theirs=TheirProcessor,
        options={"num_layers": 4},
        work=_processor_work,
        targets=(2.0, 2.2, 0.6),
    ),
    Contest(
        name="GNN encoder",
        ends=(DATA, HIDDEN),
        ours=GNNMapper,
        theirs=partial(TheirMapper, GNNForwardMapper),
        options={},
        work=_mapper_work,
        targets=(1.5, 2.0, 0.5),
        features={"source_channels": 100, "target_channels": 16},
    ),
    Contest(
        name="GNN decoder",
        ends=(HIDDEN, DATA),
        ours=GNNMapper,
        theirs=partial(TheirMapper, GNNBackwardMapper),
        options={},
        work=_mapper_work,
        targets=(1.5, 2.0, 0.5),
        features={"out_channels": 80},
    ),
]
