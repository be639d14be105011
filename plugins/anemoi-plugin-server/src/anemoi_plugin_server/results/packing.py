"""A field as few bytes: 16 bits for each value, which is finer than a map or a reader can tell."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

MISSING = 0xFFFF
"""The code of what is missing."""

_LEVELS = 0xFFFE


def pack(values: NDArray[np.floating]) -> bytes:
    """Offset and step as float64, then a uint16 for each value, all little-endian.

    A value is ``offset + step * code``, to within half a step of what it was; a step is the 65534th part of
    the range. The code of NaN and of infinity is :data:`MISSING`.
    """
    wide = np.asarray(values, np.float64)
    there = np.isfinite(wide)
    low, high = (wide[there].min(), wide[there].max()) if there.any() else (0.0, 0.0)
    step = (high - low) / _LEVELS or 1.0
    codes = np.full(wide.shape, MISSING, "<u2")
    codes[there] = np.rint((wide[there] - low) / step)
    return struct.pack("<dd", low, step) + codes.tobytes()
