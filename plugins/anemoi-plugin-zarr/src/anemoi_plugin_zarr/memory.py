"""Memory that is used again: to be given fresh memory takes as long as to decode a large array into it."""

from __future__ import annotations

import math
import weakref
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KEPT = 2
"""How many blocks wait to be used again: as many as a reader that is one batch ahead gives back in turns."""

_LARGE = 1 << 20
"""The bytes from which on it pays."""

_free: deque[NDArray[np.float32]] = deque(maxlen=_KEPT)


class _Block:
    """Owns memory for as long as anything looks at it, and then gives it back.

    NumPy would look through an array that owns nothing to the one that does; through this it cannot.
    """

    def __init__(self, memory: NDArray[np.float32]) -> None:
        self.__array_interface__: dict[str, Any] = memory.__array_interface__
        weakref.finalize(self, _free.append, memory).atexit = False


def empty(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Give an array whose values are anything, in memory that was in use before if some has that size."""
    size = math.prod(shape)
    if 4 * size < _LARGE:
        return np.empty(shape, dtype=np.float32)
    return np.asarray(_Block(_used(size))).reshape(shape)


def _used(size: int) -> NDArray[np.float32]:
    for _ in range(len(_free)):
        try:
            memory = _free.popleft()
        except IndexError:  # another thread was faster
            break
        if memory.size == size:
            return memory
        _free.append(memory)
    return np.empty(size, dtype=np.float32)
