"""The edges of a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from anemoi.core.errors import ConfigError
from pydantic import Field

from ..interfaces import EdgeBuilder
from ..neighbours import Pairs
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class MultiScale(EdgeBuilder):
    """Joins the nodes of a mesh along its edges, of the coarser meshes too, in both directions.

    The multi-mesh of GraphCast (Lam et al., "Learning skillful medium-range global weather forecasting",
    Science 382, 2023).

    Parameters
    ----------
    scales
        How many, from the finest on; all by default.
    """

    scales: Annotated[int, Field(ge=1)] | None = None

    def build(self, source: NodeSet, target: NodeSet) -> Pairs:
        """See :meth:`.EdgeBuilder.build`."""
        if source is not target:
            raise ConfigError("The edges of a mesh join its nodes to themselves, not to others.")
        if not source.meshes:
            raise ConfigError(
                "These nodes have no mesh.", fix="Lay them by a node builder that makes one, as icosahedral."
            )
        meshes = source.meshes if self.scales is None else source.meshes[-self.scales :]
        one_way: Pairs = np.concatenate(meshes)
        return np.concatenate([one_way, one_way[:, ::-1]])
