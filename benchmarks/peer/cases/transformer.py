"""The processor of sliding-window attention."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.models.distributed.shapes import GraphShardInfo
from anemoi.models.layers.processor import TransformerProcessor as PeerProcessor
from anemoi_plugin_transformer.processor import TransformerProcessor
from torch import Tensor, nn

from . import Contest, Parity

DISTRIBUTION = "anemoi-plugin-transformer"

SAME = {"node_order": "given", "qkv_bias": False, "rotary": False}
"""The options that make ours the mathematics of the peer."""


class Theirs(nn.Module):
    """The peer's processor behind our interface."""

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        node_order: str,
        qkv_bias: bool,
        rotary: bool,
        num_chunks: int = 1,
        condition_channels: int = 0,
        activation: str = "gelu",
        mlp_hidden_ratio: float = 4.0,
        **options: Any,
    ) -> None:
        super().__init__()
        kernels = {"Activation": {"_target_": {"gelu": "torch.nn.GELU", "silu": "torch.nn.SiLU"}[activation]}}
        if condition_channels:
            kernels["LayerNorm"] = {
                "_target_": "anemoi.models.layers.normalization.ConditionalLayerNorm",
                "condition_shape": condition_channels,
            }
        self.processor = PeerProcessor(
            num_channels=channels,
            num_chunks=num_chunks,
            mlp_hidden_ratio=mlp_hidden_ratio,
            attention_implementation="scaled_dot_product_attention",
            gradient_checkpointing=False,
            layer_kernels=kernels,
            **options,
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(batch, nodes, channels)`` to the same; the peer folds nodes into the batch."""
        batch, nodes, _ = x.shape
        given = {} if condition is None else {"cond": condition.repeat_interleave(nodes, dim=0)}
        out = self.processor(x.flatten(0, 1), batch, GraphShardInfo(), **given)
        return out.unflatten(0, (batch, nodes))


def weights(ours: Mapping[str, Tensor], *, gated: bool) -> dict[str, Tensor]:
    """Our parameters under the peer's names."""
    theirs = {}
    for name, value in ours.items():
        _, layer, *path, last = name.split(".")
        prefix = f"processor.proc.{layer}"
        for part, piece in _parts(".".join(path), value, gated):
            theirs[f"{prefix}.{part}.{last}"] = piece
    return theirs


def _parts(path: str, value: Tensor, gated: bool) -> list[tuple[str, Tensor]]:
    match path.split("."):
        case ["attention", "qkv"]:
            return list(zip((f"attention.lin_{letter}" for letter in "qkv"), value.chunk(3), strict=True))
        case ["attention", "out"]:
            return [("attention.projection", value)]
        case ["attention", "norm_query" | "norm_key" as norm]:
            return [(f"attention.{norm[5]}_norm", value)]
        case ["norm_attention" | "norm_mlp" as norm, "modulation"]:
            scale, bias = value.chunk(2)
            return [(f"layer_{norm}.scale", scale), (f"layer_{norm}.bias", bias)]
        case ["norm_attention" | "norm_mlp" as norm, "norm"]:
            return [(f"layer_{norm}", value)]
        case ["mlp", "hidden", "0", "linear"] if gated:
            gate, gated_value = value.chunk(2)
            return [("mlp.mlp.0.gate_proj", gate), ("mlp.mlp.0.value_proj", gated_value)]
        case ["mlp", "hidden", "0", "linear"]:
            return [("mlp.mlp.0", value)]
        case ["mlp", "out"]:  # the peer counts activations among the layers
            return [(f"mlp.mlp.{1 if gated else 2}", value)]
    raise KeyError(path)


def _work(arguments: Mapping[str, Any]) -> tuple[float, float]:
    nodes, channels, layers = len(arguments["nodes"]), arguments["channels"], arguments["num_layers"]
    window, ratio = arguments["window_size"], arguments["mlp_hidden_ratio"]
    reach = torch.arange(nodes)
    seen = (reach.clamp(max=window) + reach.flip(0).clamp(max=window) + 1).sum().item()
    linear = 2 * nodes * channels**2 * (4 + 2 * ratio)
    attention = 4 * seen * channels
    # Once in and once out for attention (x, q, k, v, out) and for the MLP (x, hidden, out), and the weights.
    values = nodes * channels * (8 + 2 * ratio) + channels**2 * (4 + 2 * ratio)
    return layers * (linear + attention), layers * 4 * values


def _nodes(count: int) -> Nodes:
    return Nodes(torch.linspace(-80, 80, count, dtype=torch.float64), torch.zeros(count, dtype=torch.float64))


def _case(name: str, *, batch: int = 2, nodes: int = 23, condition: int = 0, **options: Any) -> Parity:
    nothing = torch.zeros(0, dtype=torch.int64)
    small = {"num_layers": 2, "num_heads": 2, "mlp_hidden_ratio": 2.0}
    return Parity(
        name=f"processor-{name}",
        ours=TransformerProcessor,
        theirs=Theirs,
        arguments={
            "nodes": _nodes(nodes),
            "edges": Edges(nothing, nothing, torch.zeros(0, 0)),
            "channels": 8,
            **SAME,
            **small,
            **({"condition_channels": condition} if condition else {}),
            **options,
        },
        inputs={"x": (batch, nodes, 8), **({"condition": (batch, condition)} if condition else {})},
        weights=partial(weights, gated=options.get("mlp_implementation", "mlp") != "mlp"),
    )


PARITY = [
    _case("global", window_size=None),
    _case("window", window_size=5),
    _case("whole-blocks", batch=1, nodes=262, window_size=5),  # more than a block from either end
    _case("one-node", nodes=1, window_size=3),
    _case("qk-norm", window_size=5, qk_norm=True),
    _case("attn-channels", window_size=5, attn_channels=12),
    _case("swiglu", window_size=5, mlp_implementation="swiglu"),
    _case("silu", window_size=5, activation="silu"),
    _case("conditioned", window_size=5, condition=3),
    _case("chunks", window_size=5, num_chunks=2),
]

CONTESTS = [
    Contest(
        name="Transformer processor, window 512",
        ends=("hidden", "hidden"),
        ours=TransformerProcessor,
        theirs=Theirs,
        options={"num_layers": 4, "num_heads": 8, "mlp_hidden_ratio": 4.0, "window_size": 512, **SAME},
        work=_work,
        targets=(6.0, 6.0, 0.15),
    )
]
