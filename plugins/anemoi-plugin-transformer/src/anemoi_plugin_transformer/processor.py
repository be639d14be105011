"""A transformer over the hidden nodes, each seeing a window of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from anemoi.core.graph import Edges, Nodes
from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.processor import Processor
from anemoi_plugin_layers import (
    MLP,
    Activation,
    MLPImplementation,
    Norm,
    Normalisation,
    add_mlp,
    affine,
    check_chunks,
    check_condition,
    head_channels,
    hidden_channels,
    join_heads,
    normed_linear,
    run_in_chunks,
    split_heads,
)
from pydantic import Field
from torch import Tensor, nn

from .attention import Backend, WindowAttention
from .older import BLOCK, OlderWeights
from .ordering import NodeOrder, in_order
from .rotary import SphericalRotary


class TransformerProcessor(Processor):
    """Transformer blocks with exact sliding-window attention.

    Each node attends to those within ``window_size`` places of it in ``node_order``. The edges of the
    graph are not used. The last state is not normalised, for the reason that
    :class:`~.mapper.TransformerMapper` gives.

    Parameters
    ----------
    nodes, edges, channels
        As for every :class:`~anemoi.core.interfaces.processor.Processor`.
    num_layers
        How many blocks.
    num_chunks
        Into how many chunks of the same length the blocks are cut for ``gradient_checkpointing``.
    num_heads
        How many attention heads; they share ``attn_channels`` evenly.
    window_size
        How many nodes a node sees on either side; null is all of them.
    node_order
        Along which order the window runs: from south to north, or as the nodes are given.
    attn_channels
        The width of queries, keys and values, all heads together; null is ``channels``.
    qkv_bias
        Whether the linear layers that make queries, keys and values have a bias.
    qk_norm
        Whether queries and keys are normalised, each head by itself (Henry et al., "Query-key
        normalization for transformers", 2020).
    rotary
        Whether scores depend on where nodes lie from each other (:class:`~.rotary.SphericalRotary`).
    softcap
        Scores are kept below this: ``softcap tanh(score / softcap)`` (Gemma Team, "Gemma 2", 2024); null
        leaves them.
    dropout_p
        How likely a weight of the attention is dropped in training.
    mlp_hidden_ratio
        The width of the MLPs, in units of ``channels``.
    mlp_extra_layers
        How many hidden layers the MLPs have beyond one.
    mlp_implementation
        An MLP with an activation, or a gated one.
    activation
        Of a plain MLP, gelu if null; a gated one takes none.
    normalisation
        What attention and MLPs see of the state.
    condition_channels
        How many conditions scale and shift the normalised state; 0 for none.
    gradient_checkpointing
        Whether to keep only the state between chunks for the gradient, and compute the rest again.
    backend
        How attention is computed (:class:`~.attention.WindowAttention`).

    Raises
    ------
    ConfigError
        If options contradict each other.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.COMPILE,
            Capability.CONDITION,
            Capability.EXPORT,
            Capability.LINEAR_MEMORY,
            Capability.NODE_CONDITION,
        }
    )

    order: Tensor
    rank: Tensor

    def __init__(
        self,
        *,
        nodes: Nodes,
        edges: Edges,
        channels: int,
        num_layers: Annotated[int, Field(ge=0)] = 4,
        num_chunks: Annotated[int, Field(ge=1)] = 1,
        num_heads: Annotated[int, Field(ge=1)] = 4,
        window_size: Annotated[int, Field(ge=0)] | None = 256,
        node_order: NodeOrder = "latitude",
        attn_channels: Annotated[int, Field(ge=1)] | None = None,
        qkv_bias: bool = True,
        qk_norm: bool = False,
        rotary: bool = True,
        softcap: Annotated[float, Field(gt=0)] | None = None,
        dropout_p: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        mlp_hidden_ratio: Annotated[float, Field(gt=0)] = 4.0,
        mlp_extra_layers: Annotated[int, Field(ge=0)] = 0,
        mlp_implementation: MLPImplementation = "mlp",
        activation: Activation | None = None,
        normalisation: Normalisation = "layer_norm",
        condition_channels: Annotated[int, Field(ge=0)] = 0,
        gradient_checkpointing: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__(nodes=nodes, edges=edges, channels=channels)
        check_chunks(num_layers, num_chunks)
        self.num_chunks, self.gradient_checkpointing = num_chunks, gradient_checkpointing
        self.condition_channels = condition_channels
        order = in_order(nodes, node_order)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("rank", torch.argsort(order), persistent=False)
        attn_channels = channels if attn_channels is None else attn_channels
        per_head = head_channels(attn_channels, num_heads)
        attention = WindowAttention(
            nodes=len(nodes),
            window=window_size,
            softcap=softcap,
            dropout_p=dropout_p,
            backend=backend,
        )
        turn = (
            SphericalRotary(positions=nodes.positions[order], heads=num_heads, head_channels=per_head)
            if rotary
            else nn.Identity()
        )

        def norm() -> Norm:
            return Norm(channels, normalisation, condition_channels=condition_channels)

        def mlp() -> MLP:
            return MLP(
                channels,
                hidden_channels(channels, mlp_hidden_ratio),
                channels,
                extra_layers=mlp_extra_layers,
                implementation=mlp_implementation,
                activation=activation,
            )

        self.layers = nn.ModuleList(
            _Block(
                norms=(norm(), norm()),
                attention=_Attention(
                    channels, attn_channels, num_heads, attention, turn, bias=qkv_bias, qk_norm=qk_norm
                ),
                mlp=mlp(),
            )
            for _ in range(num_layers)
        )

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """See :meth:`anemoi.core.interfaces.processor.Processor.forward`."""
        check_condition(condition, self.condition_channels, nodes=len(self.order))
        x = x.index_select(1, self.order)  # (batch, nodes, channels), in the order of the window
        if condition is not None and condition.ndim > 2:  # numbers at each node
            condition = condition.index_select(1, self.order)
        (x,) = run_in_chunks(
            self.layers,
            (x,),
            condition,
            num_chunks=self.num_chunks,
            gradient_checkpointing=self.gradient_checkpointing,
        )
        return x.index_select(1, self.rank)


class _Block(OlderWeights):
    """Attention, then an MLP, each on the normalised state and added to it (pre-norm)."""

    older: ClassVar[Mapping[str, str]] = BLOCK

    def __init__(self, *, norms: tuple[Norm, Norm], attention: _Attention, mlp: MLP) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = norms
        self.attention, self.mlp = attention, mlp

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor]:
        """``(batch, nodes, channels)`` to the same shape."""
        x = x + self.attention(x, self.norm_attention, condition)
        return (add_mlp(x, self.norm_mlp, self.mlp, condition),)

    def as_in_0_1_0(self) -> None:
        """See :class:`~.older.OlderWeights`."""
        self.attention.attend.as_in_0_1_0()


class _Attention(nn.Module):
    """Makes queries, keys and values, attends, and puts the heads together."""

    def __init__(
        self,
        channels: int,
        attn_channels: int,
        heads: int,
        attend: WindowAttention,
        turn: nn.Module,
        *,
        bias: bool,
        qk_norm: bool,
    ) -> None:
        super().__init__()
        self.heads, self.attend, self.turn = heads, attend, turn
        self.qkv = nn.Linear(channels, 3 * attn_channels, bias=bias)
        self.out = nn.Linear(attn_channels, channels)
        self.norm_query: nn.Module = nn.Identity()
        self.norm_key: nn.Module = nn.Identity()
        if qk_norm:
            self.norm_query = nn.LayerNorm(attn_channels // heads, bias=False)
            self.norm_key = nn.LayerNorm(attn_channels // heads, bias=False)

    def forward(self, x: Tensor, norm: Norm, condition: Tensor | None) -> Tensor:
        """``(batch, nodes, channels)`` to the same shape, seen through a norm."""
        weight, bias = affine(self.qkv)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        # One by one, so that their gradients need not be put together.
        parts = normed_linear(x, norm, list(zip(weight.chunk(3), biases, strict=True)), condition)
        query, key, value = (split_heads(part, self.heads) for part in parts)
        # Under autocast a norm gives float32, but the attention takes three of one type.
        query = self.norm_query(query).type_as(value)  # (batch, heads, nodes, channels of a head)
        key = self.norm_key(key).type_as(value)
        attended: Tensor = self.attend(self.turn(query), self.turn(key), value)
        return self.out(join_heads(attended))  # type: ignore[no-any-return]
