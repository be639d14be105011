"""What a checkpoint's file holds: named tensors and one JSON document, as plain bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U8": "u1", "BOOL": "?",
}  # fmt: skip
SIZES = {"BF16": 2, **{name: np.dtype(code).itemsize for name, code in _NUMPY.items()}}
"""How many bytes a number of each type has."""

_STORED = {np.dtype(code): name for name, code in _NUMPY.items()}


@dataclass(frozen=True, eq=False)
class Stored:
    """One tensor as it lies in the file.

    Parameters
    ----------
    dtype
        Its safetensors type: ``F32``.
    shape
        Its shape.
    data
        Its bytes, little-endian, in C order.
    """

    dtype: str
    shape: tuple[int, ...]
    data: memoryview | bytes

    @classmethod
    def of(cls, array: NDArray[Any]) -> Stored:
        """Store an array."""
        name = _STORED[array.dtype]
        return cls(name, array.shape, np.ascontiguousarray(array, _NUMPY[name]).tobytes())

    def array(self) -> NDArray[Any]:
        """Read it as an array, which cannot be written to; KeyError if NumPy has no such type."""
        return np.frombuffer(self.data, _NUMPY[self.dtype]).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Contents:
    """A whole file, read and verified, in the newest format whatever it was written in.

    Parameters
    ----------
    path, size
        The file, and how many bytes it has.
    format_version
        The format that it was written in.
    identity
        The hash of what was written.
    document
        What it says in words and numbers: see docs/checkpoint.md.
    tensors
        Its tensors by name.
    """

    path: Path
    size: int
    format_version: int
    identity: str
    document: Mapping[str, Any]
    tensors: Mapping[str, Stored]
