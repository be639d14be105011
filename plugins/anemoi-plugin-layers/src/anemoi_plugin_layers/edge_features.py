"""Which attributes of the edges a layer looks at."""

from __future__ import annotations

from collections.abc import Sequence

from anemoi.core.errors import ConfigError
from anemoi.core.graph import Edges
from torch import Tensor


def edge_features(edges: Edges, names: Sequence[str] | None = None) -> Tensor:
    """The attributes of edges with these names, ``(edges, len(names))``; with None, all there are.

    Raises
    ------
    ConfigError
        If the edges have no attribute of that name.
    """
    if names is None:
        return edges.attributes
    if absent := [name for name in names if name not in edges.attribute_names]:
        raise ConfigError(
            f"The edges of this graph have no attribute {absent[0]!r}.",
            fix=f"Choose edge_attributes among {', '.join(edges.attribute_names) or 'none'}.",
        )
    return edges.attributes[:, [edges.attribute_names.index(name) for name in names]]
