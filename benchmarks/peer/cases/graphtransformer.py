"""The processor and the mappers of attention along edges."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.models.distributed.shapes import BipartiteGraphShardInfo, GraphShardInfo
from anemoi.models.layers.mapper import GraphTransformerBackwardMapper, GraphTransformerForwardMapper
from anemoi.models.layers.processor import GraphTransformerProcessor as PeerProcessor
from anemoi_plugin_graphtransformer.mapper import GraphTransformerMapper
from anemoi_plugin_graphtransformer.processor import GraphTransformerProcessor
from torch import Tensor, nn

from . import Contest, Parity

DISTRIBUTION = "anemoi-plugin-graphtransformer"

ENCODER = {
    "attention_normalisation": "layer_norm",
    "embed_source": True,
    "embed_target": True,
    "embed_out": False,
}
DECODER = {
    "attention_normalisation": "layer_norm",
    "embed_target": True,
    "embed_out": True,
    "normalise_out": True,
}
"""The options that make our mapper the mathematics of either of the peer's."""

_ACTIVATIONS = {"gelu": "torch.nn.GELU", "silu": "torch.nn.SiLU"}


class _Theirs(nn.Module):
    """What the peer's layers have in common, behind our interface: edges, and options by their names."""

    def __init__(self, edges: Edges, trainable_size: int) -> None:
        super().__init__()
        self.edges = edges
        self.attributes: Tensor
        self.register_buffer("attributes", edges.attributes, persistent=False)
        self.trainable = nn.Parameter(torch.zeros(len(edges), trainable_size)) if trainable_size else None

    def graph(self, batch: int, num_sources: int, num_targets: int) -> dict[str, Tensor]:
        """The edges and their attributes for each item of the batch, of which the peer makes one graph."""
        attributes = self.attributes
        if self.trainable is not None:
            attributes = torch.cat([attributes, self.trainable], dim=-1)
        steps = torch.arange(batch)[:, None]
        source, target = self.edges.source + steps * num_sources, self.edges.target + steps * num_targets
        index = torch.stack([source.flatten(), target.flatten()])
        return {"edge_attr": attributes.repeat(batch, 1), "edge_index": index}

    @staticmethod
    def options(
        edges: Edges,
        *,
        channels: int,
        trainable_size: int = 0,
        condition_channels: int = 0,
        activation: str = "gelu",
        num_heads: int,
        mlp_hidden_ratio: float = 4.0,
        num_chunks: int = 1,
        **others: Any,
    ) -> dict[str, Any]:
        """The peer's options."""
        kernels = {"Activation": {"_target_": _ACTIVATIONS[activation]}}
        if condition_channels:
            kernels["LayerNorm"] = {
                "_target_": "anemoi.models.layers.normalization.ConditionalLayerNorm",
                "condition_shape": condition_channels,
            }
        return {
            "num_channels": channels,
            "num_chunks": num_chunks,
            "num_heads": num_heads,
            "mlp_hidden_ratio": mlp_hidden_ratio,
            "edge_dim": edges.attributes.shape[1] + trainable_size,
            "gradient_checkpointing": False,
            "graph_attention_backend": "pyg",
            "layer_kernels": kernels,
            **others,
        }


class TheirProcessor(_Theirs):
    """The peer's processor behind our interface."""

    def __init__(self, *, nodes: Nodes, edges: Edges, trainable_size: int = 0, **options: Any) -> None:
        super().__init__(edges, trainable_size)
        self.layer = PeerProcessor(**self.options(edges, trainable_size=trainable_size, **options))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(batch, nodes, channels)`` to the same; the peer folds nodes into the batch."""
        batch, nodes, _ = x.shape
        given = {} if condition is None else {"cond": condition.repeat_interleave(nodes, dim=0)}
        graph = self.graph(batch, nodes, nodes)
        out = self.layer(x.flatten(0, 1), batch, GraphShardInfo(), **graph, **given)
        return out.unflatten(0, (batch, nodes))


class TheirMapper(_Theirs):
    """Either of the peer's mappers behind our interface: the second where it is to end with a norm."""

    def __init__(
        self,
        *,
        source: Nodes,
        target: Nodes,
        edges: Edges,
        source_channels: int,
        target_channels: int,
        channels: int,
        out_channels: int,
        normalise_out: bool = False,
        trainable_size: int = 0,
        attention_normalisation: str,
        embed_source: bool | None = None,
        embed_target: bool | None = None,
        embed_out: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(edges, trainable_size)
        kind = GraphTransformerBackwardMapper if normalise_out else GraphTransformerForwardMapper
        self.layer = kind(
            in_channels_src=source_channels,
            in_channels_dst=target_channels,
            out_channels_dst=out_channels if normalise_out else None,
            **self.options(edges, channels=channels, trainable_size=trainable_size, **options),
        )

    def forward(self, source: Tensor, target: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(batch, sources, channels)`` and ``(batch, targets, channels)`` to the latter."""
        batch, ends = len(source), (source.shape[1], target.shape[1])
        given = {}
        if condition is not None:
            given = {"cond": tuple(condition.repeat_interleave(nodes, dim=0) for nodes in ends)}
        states = (source.flatten(0, 1), target.flatten(0, 1))
        graph = self.graph(batch, *ends)
        out = self.layer(states, batch, BipartiteGraphShardInfo(), **graph, **given)
        out = out[1] if isinstance(out, tuple) else out
        return out.unflatten(0, (batch, ends[1]))


def weights(ours: Mapping[str, Tensor], *, gated: bool = False) -> dict[str, Tensor]:
    """Our parameters under the peer's names."""
    theirs = {}
    for name, value in ours.items():
        path, _, last = name.rpartition(".")
        match path.split("."):
            case ["blocks", layer, *rest]:
                prefix = f"layer.proc.{layer}."
            case ["block", *rest]:
                prefix = "layer.proc."
            case ["edge_attributes", "trainable"]:
                theirs["trainable"] = value
                continue
            case rest:
                prefix = "layer."
        for part, piece in _parts(".".join(rest), value, gated):
            theirs[f"{prefix}{part}.{last}"] = piece
    return theirs


_NAMES = {
    "embed_source": "emb_nodes_src",
    "embed_target": "emb_nodes_dst",
    "norm_out.norm": "node_data_extractor.0",
    "embed_out": "node_data_extractor.1",
    "norm_source": "layer_norm_attention_src",
    "norm_target": "layer_norm_attention",
    "norm_mlp": "layer_norm_mlp_dst",
    "attention.query": "lin_query",
    "attention.key": "lin_key",
    "attention.value": "lin_value",
    "attention.own": "lin_self",
    "attention.edge.linear": "lin_edge",
    "attention.edge.pre_mlp.linear": "edge_pre_mlp.0",
    "attention.out": "projection",
    "attention.query_norm": "q_norm",
    "attention.key_norm": "k_norm",
    "mlp.hidden.0.linear": "node_dst_mlp.mlp.0",
}


def _parts(path: str, value: Tensor, gated: bool) -> list[tuple[str, Tensor]]:
    if path.endswith(".modulation"):
        scale, bias = value.chunk(2)
        norm = _NAMES[path.removesuffix(".modulation")]
        return [(f"{norm}.scale", scale), (f"{norm}.bias", bias)]
    if path == "mlp.out":  # the peer counts activations among the layers
        return [(f"node_dst_mlp.mlp.{1 if gated else 2}", value)]
    if path == "mlp.hidden.0.linear" and gated:
        gate, gated_value = value.chunk(2)
        return [
            ("node_dst_mlp.mlp.0.gate_proj", gate),
            ("node_dst_mlp.mlp.0.value_proj", gated_value),
        ]
    return [(_NAMES.get(path) or _NAMES[path.removesuffix(".norm")], value)]


def _nodes(count: int) -> Nodes:
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def _edges(num_sources: int, num_targets: int, count: int) -> Edges:
    """Edges that look random; the last target has none."""
    generator = torch.Generator().manual_seed(0)
    source = torch.randint(num_sources, (count,), generator=generator)
    target = torch.randint(max(1, num_targets - 1), (count,), generator=generator)
    attributes = torch.randn(count, 3, generator=generator)
    return Edges.sorted(source, target, attributes, ("edge_length", "edge_east", "edge_north"))


def _processor(name: str, *, condition: int = 0, **options: Any) -> Parity:
    nodes = 13
    small = {"num_layers": 2, "num_heads": 2, "mlp_hidden_ratio": 2.0}
    return Parity(
        name=f"processor-{name}",
        ours=GraphTransformerProcessor,
        theirs=TheirProcessor,
        arguments={
            "nodes": _nodes(nodes),
            "edges": _edges(nodes, nodes, 60),
            "channels": 8,
            **small,
            **({"condition_channels": condition} if condition else {}),
            **options,
        },
        inputs={"x": (2, nodes, 8), **({"condition": (2, condition)} if condition else {})},
        weights=partial(weights, gated=options.get("mlp_implementation", "mlp") != "mlp"),
    )


def _mapper(name: str, *, condition: int = 0, **options: Any) -> Parity:
    decoder = options.get("normalise_out", False)
    sources, targets, source_channels = 11, 9, 8 if decoder else 5
    return Parity(
        name=f"mapper-{name}",
        ours=GraphTransformerMapper,
        theirs=TheirMapper,
        arguments={
            "source": _nodes(sources),
            "target": _nodes(targets),
            "edges": _edges(sources, targets, 40),
            "source_channels": source_channels,
            "target_channels": 3,
            "channels": 8,
            "out_channels": 4 if decoder else 8,
            "num_heads": 2,
            "mlp_hidden_ratio": 2.0,
            **({"condition_channels": condition} if condition else {}),
            **options,
        },
        inputs={
            "source": (2, sources, source_channels),
            "target": (2, targets, 3),
            **({"condition": (2, condition)} if condition else {}),
        },
        weights=partial(weights, gated=options.get("mlp_implementation", "mlp") != "mlp"),
    )


PARITY = [
    _processor("plain"),
    _processor("trainable", trainable_size=2),
    _processor("qk-norm", qk_norm=True),
    _processor("attn-channels", attn_channels=12),
    _processor("edge-pre-mlp", edge_pre_mlp=True),
    _processor("swiglu", mlp_implementation="swiglu"),
    _processor("silu", activation="silu"),
    _processor("conditioned", condition=3),
    _mapper("encoder", **ENCODER),
    _mapper("encoder-qk-norm", **ENCODER, qk_norm=True, trainable_size=2),
    _mapper("encoder-conditioned", **ENCODER, condition=3),
    _mapper("decoder", **DECODER),
    _mapper("decoder-attn-channels", **DECODER, attn_channels=12, edge_pre_mlp=True),
]


def _block(nodes: int, sources: int, edges: int, arguments: Mapping[str, Any]) -> tuple[float, float]:
    """Operations and bytes of a block: its matrices, and the attention in the form that needs least."""
    channels, heads, ratio = arguments["channels"], arguments["num_heads"], arguments["mlp_hidden_ratio"]
    attributes = arguments["edges"].attributes.shape[1] + arguments.get("trainable_size", 0) + 1
    linear = 2 * channels**2 * (nodes * (3 + 2 * ratio) + sources * 2)
    along = 2 * edges * (2 * channels + 2 * heads * attributes) + 4 * nodes * channels * attributes
    # Once in and once out: x, q, own and out of the targets, k and v of the sources, and of the MLP x,
    # hidden and out; the weights; attributes and indices.
    values = channels * (nodes * (6 + 2 * ratio) + 3 * sources) + channels**2 * (5 + 2 * ratio)
    return linear + along, 4 * (values + edges * (attributes + 2))


def _processor_work(arguments: Mapping[str, Any]) -> tuple[float, float]:
    nodes, edges, layers = len(arguments["nodes"]), len(arguments["edges"]), arguments["num_layers"]
    flops, size = _block(nodes, nodes, edges, arguments)
    return layers * flops, layers * size


def _mapper_work(arguments: Mapping[str, Any]) -> tuple[float, float]:
    sources, targets = len(arguments["source"]), len(arguments["target"])
    flops, size = _block(targets, sources, len(arguments["edges"]), arguments)
    channels = arguments["channels"]
    features = (
        (sources, arguments["source_channels"]),
        (targets, arguments["target_channels"]),
        (targets, arguments["out_channels"]),
    )
    embedded = [(nodes, count) for nodes, count in features if count != channels]
    flops += sum(2 * nodes * count * channels for nodes, count in embedded)
    return flops, size + sum(4 * nodes * (count + channels) for nodes, count in embedded)


_OPTIONS = {"num_heads": 8, "mlp_hidden_ratio": 4.0, "trainable_size": 8}

CONTESTS = [
    Contest(
        name="GraphTransformer processor",
        ends=("hidden", "hidden"),
        ours=GraphTransformerProcessor,
        theirs=TheirProcessor,
        options={"num_layers": 4, **_OPTIONS},
        work=_processor_work,
        targets=(1.8, 3.0, 0.35),
    ),
    Contest(
        name="GraphTransformer encoder",
        ends=("data", "hidden"),
        ours=GraphTransformerMapper,
        theirs=TheirMapper,
        options={**_OPTIONS, **ENCODER},
        work=_mapper_work,
        targets=(1.5, 2.0, 0.5),
        features={"source_channels": 100, "target_channels": 12},
    ),
    Contest(
        name="GraphTransformer decoder",
        ends=("hidden", "data"),
        ours=GraphTransformerMapper,
        theirs=TheirMapper,
        options={**_OPTIONS, **DECODER},
        work=_mapper_work,
        targets=(1.5, 2.0, 0.5),
        features={"target_channels": 100, "out_channels": 80},
    ),
]
