"""Makes GRIB messages out of keys, and leaves no handle of eccodes open."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import eccodes
import numpy as np
from numpy.typing import NDArray

Key: TypeAlias = "int | float | str | NDArray[np.int64] | None"
"""What a key is set to; None is missing."""


@contextmanager
def opened(message: bytes | None = None) -> Iterator[int]:
    """Open a message, or an empty one of edition 2."""
    handle: int = (
        eccodes.codes_grib_new_from_samples("GRIB2")
        if message is None
        else eccodes.codes_new_from_message(message)
    )
    try:
        yield handle
    finally:
        eccodes.codes_release(handle)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to oneself what eccodes writes on the terminal of what it does not know: errors say it better."""
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def set_keys(handle: int, keys: Mapping[str, Key]) -> None:
    """Set keys in their order, on which eccodes depends.

    Raises
    ------
    eccodes.CodesInternalError
        If there is no such key, or it does not take the value.
    """
    for name, value in keys.items():
        if value is None:
            eccodes.codes_set_missing(handle, name)
        elif isinstance(value, np.ndarray):
            eccodes.codes_set_array(handle, name, value)
        else:
            eccodes.codes_set(handle, name, value)


def contents(handle: int) -> bytes:
    """Give the bytes of a message."""
    message: bytes = eccodes.codes_get_message(handle)
    return message
