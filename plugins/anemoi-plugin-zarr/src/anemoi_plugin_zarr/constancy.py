"""Which variables never change."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Constancy:
    """Which variables are the same in all states, NaNs included. States may be added in several threads.

    Parameters
    ----------
    first
        A state, ``(variable, ensemble, cell)``.
    """

    def __init__(self, first: NDArray[np.float32]) -> None:
        self._first = first
        self._added = 0
        self._same = np.ones(len(first), dtype=bool)

    def add(self, state: NDArray[np.float32]) -> None:
        """Compare another state."""
        self._added += 1
        # Most variables change at once, and are not looked at again.
        for variable in np.flatnonzero(self._same):
            if not np.array_equal(state[variable], self._first[variable], equal_nan=True):
                self._same[variable] = False

    @property
    def constant(self) -> NDArray[np.bool_] | None:
        """Whether each variable never changed, ``(variable,)``; None if no state was compared."""
        return self._same if self._added else None
