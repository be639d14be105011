"""Statistics of the changes of states over some durations, gathered as the states come by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.moments import Moments
from numpy.typing import NDArray


def change(before: NDArray[np.floating], after: NDArray[np.floating]) -> Moments:
    """The moments of ``after - before``, ``(variable, ...)`` each."""
    # One variable at a time, so that little memory is taken.
    return Moments.of(new.astype(np.float64) - old for old, new in zip(before, after, strict=True))


class Changes:
    """The moments of the changes of each variable over each of some durations.

    Parameters
    ----------
    durations
        The times between the states that are compared. States are kept for the longest of them.
    variables
        How many variables there are.
    """

    def __init__(self, durations: Iterable[np.timedelta64], variables: int) -> None:
        self._moments = {duration: Moments.none(variables) for duration in durations}
        self._longest = max(self._moments, default=np.timedelta64(0, "s"))
        self._kept: deque[tuple[np.datetime64, NDArray[np.float32]]] = deque()

    def add(self, time: np.datetime64, state: NDArray[np.float32]) -> None:
        """Compare ``state``, ``(variable, ensemble, cell)``, with those added before, of earlier times."""
        while self._kept and time - self._kept[0][0] > self._longest:
            self._kept.popleft()
        for duration in self._moments:
            for earlier, before in self._kept:
                if time - earlier == duration:
                    self._moments[duration] += change(before, state)
        self._kept.append((time, state))

    def statistics(self) -> dict[np.timedelta64, Statistics]:
        """Those of the changes over each duration that lies between any two of the states."""
        return {
            duration: moments.statistics()
            for duration, moments in self._moments.items()
            if moments.count.any()
        }
