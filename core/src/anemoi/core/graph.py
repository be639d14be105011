"""Graphs as plain frozen data over tensors: named nodes, and edges between them sorted by target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor

from .errors import AnemoiError

EdgeName = tuple[str, str]

DATA = "data"
"""The name of the domain, and so of its nodes, where there is one."""

HIDDEN = "hidden"
"""The name of the hidden nodes, which no domain can have."""


@dataclass(frozen=True)
class Nodes:
    """Points on the sphere.

    Parameters
    ----------
    latitudes, longitudes
        ``(nodes,)`` float64, in degrees.
    attributes
        What else is known of each node, ``(nodes,)`` each, by name: weights in float64, masks in bool.
    """

    latitudes: Tensor
    longitudes: Tensor
    attributes: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.latitudes.ndim != 1 or self.latitudes.shape != self.longitudes.shape:
            raise AnemoiError(
                "Nodes need one latitude and one longitude each, but got shapes "
                f"{tuple(self.latitudes.shape)} and {tuple(self.longitudes.shape)}."
            )
        for name, values in self.attributes.items():
            if values.shape != self.latitudes.shape:
                raise AnemoiError(
                    f"The attribute {name} has shape {tuple(values.shape)}, but there are {len(self)} nodes."
                )

    def __len__(self) -> int:
        return len(self.latitudes)

    @property
    def positions(self) -> Tensor:
        """Unit vectors from the centre of the Earth, ``(nodes, 3)`` float64."""
        latitude, longitude = torch.deg2rad(self.latitudes), torch.deg2rad(self.longitudes)
        return torch.stack(
            [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], dim=-1
        )


@dataclass(frozen=True)
class Edges:
    """Directed edges from ``source`` nodes to ``target`` nodes, sorted by target.

    Because they are sorted by target, a kernel may turn them into compressed sparse rows
    by counting (:meth:`row_pointers`), without sorting again.

    Parameters
    ----------
    source, target
        ``(edges,)`` int64, indices into the two sets of nodes; ``target`` never decreases.
    attributes
        ``(edges, len(attribute_names))`` float32, what is known of each edge.
    attribute_names
        What the columns of ``attributes`` are.
    """

    source: Tensor
    target: Tensor
    attributes: Tensor
    attribute_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source.ndim != 1 or self.source.shape != self.target.shape:
            raise AnemoiError(
                "Edges need one source and one target each, but got shapes "
                f"{tuple(self.source.shape)} and {tuple(self.target.shape)}."
            )
        if self.attributes.shape != (len(self.source), len(self.attribute_names)):
            raise AnemoiError(
                f"Edge attributes must have shape ({len(self.source)}, {len(self.attribute_names)}) for "
                f"attributes {list(self.attribute_names)}, but have {tuple(self.attributes.shape)}."
            )
        if len(self.target) and bool((self.target[1:] < self.target[:-1]).any()):
            raise AnemoiError("Edges must be sorted by target.", fix="Build them with Edges.sorted(...).")

    @classmethod
    def sorted(
        cls, source: Tensor, target: Tensor, attributes: Tensor, attribute_names: tuple[str, ...] = ()
    ) -> Edges:
        """Edges in any order, put in order of target, then of source."""
        by_source = torch.argsort(source, stable=True)
        order = by_source[torch.argsort(target[by_source], stable=True)]
        return cls(source[order], target[order], attributes[order], attribute_names)

    def __len__(self) -> int:
        return len(self.source)

    def row_pointers(self, num_targets: int) -> Tensor:
        """Where the edges of each target begin, ``(num_targets + 1,)`` int64 (the CSR row pointers)."""
        pointers = torch.zeros(num_targets + 1, dtype=torch.int64, device=self.target.device)
        pointers[1:] = torch.bincount(self.target, minlength=num_targets).cumsum(0)
        return pointers


@dataclass(frozen=True)
class Graph:
    """Named sets of nodes, and at most one set of edges for each ordered pair of them.

    A graph builder lays one set of nodes for each domain, named after it (``data`` where there is one), and
    the nodes ``hidden``, and joins them by the edges ``(domain, hidden)`` and ``(hidden, domain)`` of each
    domain, and ``(hidden, hidden)``. There may be more of either, such as other hidden levels.
    """

    nodes: Mapping[str, Nodes]
    edges: Mapping[EdgeName, Edges] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for (source, target), edges in self.edges.items():
            for end, index in ((source, edges.source), (target, edges.target)):
                if end not in self.nodes:
                    raise AnemoiError(f"Edges {source} -> {target} name nodes {end!r}, not in the graph.")
                if len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(self.nodes[end]):
                    raise AnemoiError(
                        f"Edges {source} -> {target} point outside the {len(self.nodes[end])} nodes {end!r}."
                    )

    @property
    def identity(self) -> str:
        """The hash of all nodes and edges, ``sha256:...``: two graphs have the same if they are the same."""
        digest = sha256()
        for name in sorted(self.nodes):
            digest.update(repr(name).encode())
            _add(digest, self.nodes[name].latitudes, self.nodes[name].longitudes)
            for attribute, values in sorted(self.nodes[name].attributes.items()):
                digest.update(repr(attribute).encode())
                _add(digest, values)
        for ends in sorted(self.edges):
            edges = self.edges[ends]
            digest.update(repr((ends, edges.attribute_names)).encode())
            _add(digest, edges.source, edges.target, edges.attributes)
        return f"sha256:{digest.hexdigest()}"


def _add(digest: Any, *tensors: Tensor) -> None:
    for tensor in tensors:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
