"""A view of a source: it tells and reads what that does, but for what it changes."""

from __future__ import annotations

import numpy as np
from anemoi.core.delegating import DelegatingSource
from numpy.typing import NDArray

from ..reader import Index, Reader


class View(DelegatingSource[Reader], Reader):
    """Another source, unchanged: its subclasses each change one thing.

    Parameters
    ----------
    source
        The source.
    """

    def __str__(self) -> str:
        return str(self._source)

    @property
    def members(self) -> int:
        """How many ensemble members there are."""
        return self._source.members

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        """Read into ``out``."""
        self._source.fill(out, times, variables, cells)


def within(chosen: NDArray[np.intp], index: Index) -> NDArray[np.intp]:
    """Positions in a source of what ``index`` takes of ``chosen``."""
    return chosen if index is None else chosen[index]
