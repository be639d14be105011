"""Attention along edges and its gradient, as products and sums of rows that are read where they lie.

torch has a product of rows along edges as one operation, ``sampled_addmm``, and a sum of rows along edges as
another, ``embedding_bag``; neither makes a tensor of channels for each edge. Every sum is over the entries
of one row in their order, so that the same input gives the same bits on any number of threads.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor

from .incidence import Entries

with warnings.catch_warnings():  # torch says once, of the first such matrix, that their interface may change.
    warnings.simplefilter("ignore", UserWarning)
    torch.sparse_csr_tensor([0], [], [], (0, 0), check_invariants=False)


class Inputs(NamedTuple):
    """What attention is made of: states as one row for each head of each node."""

    query: Tensor
    """``(targets * heads, channels / heads)``."""

    key: Tensor
    """``(sources * heads, channels / heads)``."""

    value: Tensor
    """``(sources * heads, channels / heads)``."""

    weight: Tensor
    """``(heads, channels / heads, attributes)``."""

    attributes: Tensor
    """``(edges, attributes)``; the last is one for every edge."""


def attend(inputs: Inputs, at: Entries) -> tuple[Tensor, Tensor]:
    """Attend from targets to sources.

    Returns
    -------
    tuple of Tensor
        The result, like ``query``, and the attention, ``(entries,)``.
    """
    query, key, value, weight, attributes = inputs
    score = _products(at, (_to_attributes(query, weight), attributes, at.edge), (query, key, at.source)).mul_(
        weight.shape[1] ** -0.5
    )
    largest = torch.segment_reduce(score, "max", offsets=at.of_target, axis=0, unsafe=True)
    attention = score.sub_(largest.index_select(0, at.target)).exp_()
    seen = _sums(attributes, attention, at.edge, at.of_target)
    # The last is the sum of the attention. Its largest term is exp(0): only without edges is it less.
    share = seen[:, -1].clamp_min(1.0).reciprocal_()
    attention.mul_(share.index_select(0, at.target))
    out = _sums(value, attention, at.source, at.of_target)
    return _add_from_attributes(out, seen.mul_(share[:, None]), weight), attention


def differentiate(
    gradient: Tensor, attention: Tensor, inputs: Inputs, at: Entries, *, of_attributes: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Take the gradient of the result of :func:`attend` to its inputs.

    That of the attributes is empty if it is not wanted.
    """
    query, key, value, weight, attributes = inputs
    # To the attention, and on to the scores, which a softmax ties together.
    by_attributes = _to_attributes(gradient, weight)
    score = _products(at, (by_attributes, attributes, at.edge), (gradient, value, at.source))
    score.mul_(attention)
    total = torch.segment_reduce(score, "sum", offsets=at.of_target, axis=0, unsafe=True)
    score.addcmul_(attention, total.index_select(0, at.target), value=-1.0).mul_(weight.shape[1] ** -0.5)
    # To the states of the targets, and of the sources.
    seen_by_score = _sums(attributes, score, at.edge, at.of_target)
    of_query = _sums(key, score, at.source, at.of_target)
    _add_from_attributes(of_query, seen_by_score, weight)
    of_key, of_value = (
        _sums(rows, factor.index_select(0, at.by_source), at.target_by_source, at.of_source)
        for rows, factor in ((query, score), (gradient, attention))
    )
    # To the edges.
    seen = _sums(attributes, attention, at.edge, at.of_target)
    of_weight = _outer(query, seen_by_score, weight) + _outer(gradient, seen, weight)
    if not of_attributes:
        return of_query, of_key, of_value, of_weight, torch.empty_like(attributes[:0])
    target_by_edge = at.target.index_select(0, at.by_edge)
    by_score, by_attention = (
        _sums(rows, factor.index_select(0, at.by_edge), target_by_edge, at.of_edge)
        for rows, factor in ((_to_attributes(query, weight), score), (by_attributes, attention))
    )
    return of_query, of_key, of_value, of_weight, by_score + by_attention


def _products(at: Entries, *terms: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """For each entry the product of its row of one matrix and a row of another, which is named; added up."""
    result = terms[0][0].new_zeros(len(at.edge))
    for left, right, row in terms:
        size = (len(left), len(right))
        entries = torch.sparse_csr_tensor(at.of_target, row, result, size, check_invariants=False)
        torch.sparse.sampled_addmm(entries, left, right.T, out=entries)
    return result


def _sums(rows: Tensor, factor: Tensor, row: Tensor, of_result: Tensor) -> Tensor:
    """Sum over the entries of each result ``factor`` times a row, which is named."""
    return torch.embedding_bag(rows, row, of_result, False, 0, False, factor, True)[0]


# The next three are products for each head. A loop over heads that writes where the result is to be takes
# half the time of one batched product, whose result would have to be laid out anew.


def _to_attributes(rows: Tensor, weight: Tensor) -> Tensor:
    """Apply the transpose of the weight, ``(nodes * heads, channels)`` to ``(nodes * heads, attributes)``."""
    heads, channels, attributes = weight.shape
    rows = rows.view(-1, heads, channels)
    result = rows.new_empty(len(rows), heads, attributes)
    for head in range(heads):
        torch.mm(rows[:, head], weight[head], out=result[:, head])
    return result.view(-1, attributes)


def _add_from_attributes(result: Tensor, rows: Tensor, weight: Tensor) -> Tensor:
    """Apply the weight to ``(nodes * heads, attributes)``, and add to ``(nodes * heads, channels)``."""
    heads, channels, attributes = weight.shape
    for head in range(heads):
        part = rows.view(-1, heads, attributes)[:, head]
        result.view(-1, heads, channels)[:, head].addmm_(part, weight[head].T)
    return result


def _outer(rows: Tensor, attributes: Tensor, weight: Tensor) -> Tensor:
    """Sum the outer products of rows over nodes, to the shape of the weight."""
    heads, channels, count = weight.shape
    rows, attributes = rows.view(-1, heads, channels), attributes.view(-1, heads, count)
    result = torch.empty_like(weight)
    for head in range(heads):
        torch.mm(rows[:, head].T, attributes[:, head], out=result[head])
    return result
