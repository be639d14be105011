"""Attention along the edges of a graph, without a tensor of channels for each edge.

The graph transformer adds a linear function ``e = W a`` of the attributes ``a`` of each edge to keys and
values (Shi et al., "Masked label prediction: unified message passing model for semi-supervised
classification", 2021). As both uses are linear,

    score = q·(k + W a) = q·k + (Wᵀq)·a        out = Σ p (v + W a) = Σ p v + W (Σ p a)

where p is the softmax of the scores. Only sums over attributes are needed, of which there are about a
dozen, and never ``e`` itself. A constant attribute of one makes the bias of that function a part of ``W``.

To ``torch.compile`` and ``torch.export`` this is one operation that they do not look into.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .incidence import Entries
from .kernel import Inputs, attend, differentiate


def edge_attention(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, attributes: Tensor, entries: Entries
) -> Tensor:
    """Attend from each target node to the sources of its edges.

    For the gradient, only the arguments are kept and one number for each head of each edge. There is no
    second derivative.

    Parameters
    ----------
    query
        ``(batch, targets, channels)``.
    key, value
        ``(batch, sources, channels)``.
    weight
        ``(heads, channels / heads, attributes)``, what takes attributes to keys and values.
    attributes
        ``(edges, attributes)``; the last is one for every edge.
    entries
        The edges.

    Returns
    -------
    Tensor
        ``(batch, targets, channels)``; zero for a target without edges.
    """
    out: Tensor = _forward(query, key, value, weight, attributes, list(entries))[0]
    return out


@torch.library.custom_op("anemoi_graphtransformer::attend", mutates_args=())
def _forward(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, attributes: Tensor, entries: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Give the result, and the attention ``(batch, entries)``."""
    inputs = Inputs(*_laid_out(query, key, value, weight, attributes))
    with torch.autocast(query.device.type, enabled=False):
        results = [attend(_item(inputs, item), Entries(*entries)) for item in range(len(query))]
    out, attention = (_stacked(parts) for parts in zip(*results, strict=True))
    return out.view(query.shape).to(query.dtype), attention


@torch.library.custom_op("anemoi_graphtransformer::attend_backward", mutates_args=())
def _backward(
    gradient: Tensor,
    attention: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor,
    attributes: Tensor,
    entries: list[Tensor],
    of_attributes: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Give the gradients of the five inputs; that of the attributes is empty if it is not wanted."""
    given = (query, key, value, weight, attributes)
    (gradient,), inputs = _laid_out(gradient), Inputs(*_laid_out(*given))
    with torch.autocast(query.device.type, enabled=False):
        results = [
            differentiate(
                gradient[item].view(-1, weight.shape[1]),
                attention[item],
                _item(inputs, item),
                Entries(*entries),
                of_attributes=of_attributes,
            )
            for item in range(len(query))
        ]
    *of_nodes, of_weight, of_edges = zip(*results, strict=True)
    gradients = [_stacked(parts).view(each.shape) for parts, each in zip(of_nodes, given, strict=False)]
    gradients += [sum(parts[1:], start=parts[0]) for parts in (of_weight, of_edges)]
    return tuple(gradient.to(each.dtype) for gradient, each in zip(gradients, given, strict=True))  # type: ignore[return-value]


@_forward.register_fake
def _(
    query: Tensor, key: Tensor, value: Tensor, weight: Tensor, attributes: Tensor, entries: list[Tensor]
) -> Any:
    attention = query.new_empty(len(query), len(Entries(*entries).edge), dtype=_precise(query.dtype))
    return torch.empty_like(query, memory_format=torch.contiguous_format), attention


@_backward.register_fake
def _(
    gradient: Tensor,
    attention: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor,
    attributes: Tensor,
    entries: list[Tensor],
    of_attributes: bool,
) -> Any:
    inputs = (query, key, value, weight, attributes if of_attributes else attributes[:0])
    return tuple(torch.empty_like(each, memory_format=torch.contiguous_format) for each in inputs)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, entries = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1], *tensors, *entries)


def _differentiate(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | list[None] | None, ...]:
    saved, wanted = ctx.saved_tensors, ctx.needs_input_grad[4]
    *gradients, of_attributes = _backward(gradient, *saved[:6], list(saved[6:]), wanted)
    return *gradients, of_attributes if wanted else None, [None] * len(saved[6:])


_forward.register_autograd(_differentiate, setup_context=_keep)


def _precise(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _laid_out(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Raise to float32 what is less, and lay it out row by row in memory."""
    return tuple(each.to(_precise(each.dtype)).contiguous() for each in tensors)


def _stacked(items: tuple[Tensor, ...]) -> Tensor:
    """Put the items of the batch together; one alone is not copied."""
    return torch.stack(items) if len(items) > 1 else items[0][None]


def _item(inputs: Inputs, item: int) -> Inputs:
    """One item of the batch, in rows of the channels of a head."""
    channels = inputs.weight.shape[1]
    query, key, value = (each[item].view(-1, channels) for each in inputs[:3])
    return Inputs(query, key, value, inputs.weight, inputs.attributes)
