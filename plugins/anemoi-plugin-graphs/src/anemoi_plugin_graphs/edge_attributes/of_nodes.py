"""What is known of the ends of an edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from ..interfaces import EdgeAttribute
from ..neighbours import Pairs
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class AttributeOfNodes(EdgeAttribute):
    """An attribute of the source or of the target of each edge; a mask as 0 and 1.

    Parameters
    ----------
    attribute
        Its name.
    of
        Whose.

    Raises
    ------
    DataError
        If the nodes have none of that name.
    """

    attribute: str
    of: Literal["source", "target"] = "source"

    @property
    def names(self) -> tuple[str, ...]:
        """The attribute, and whose it is."""
        return (f"{self.of}_{self.attribute}",)

    def values(self, source: NodeSet, target: NodeSet, pairs: Pairs) -> NDArray[np.floating[Any]]:
        """See :meth:`.EdgeAttribute.values`."""
        nodes, column = (source, 0) if self.of == "source" else (target, 1)
        if self.attribute not in nodes.attributes:
            raise DataError(
                f"The {self.of} nodes have no attribute {self.attribute!r}.",
                fix=f"They have: {', '.join(nodes.attributes) or 'none'}. Give it to them under attributes.",
            )
        return nodes.attributes[self.attribute][pairs[:, column], None].astype(np.float64)
