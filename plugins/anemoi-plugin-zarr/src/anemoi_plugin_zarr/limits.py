"""How much memory an array may take, however small its file: a share of the machine's, or what is set."""

from __future__ import annotations

import math
import os
from typing import Any, Final

from anemoi.core.errors import ConfigError, ResourceError
from anemoi.core.memory import available_memory

SHARE: Final = 0.25
"""The share of the memory of the machine that one array may take when it is opened, by default."""

VARIABLE: Final = "ANEMOI_ARRAY_LIMIT_GB"
"""The variable of the environment that says how many GB one array may take instead."""


def allowed() -> float:
    """How many bytes one array may take: what the user says, or a share of the memory.

    Raises
    ------
    ConfigError
        If the variable holds no positive number.
    """
    if not (said := os.environ.get(VARIABLE)):
        return SHARE * available_memory()
    try:
        limit = float(said)
    except ValueError:
        limit = 0.0
    if not limit > 0:
        raise ConfigError(f"{VARIABLE}: expected a positive number of GB, got {said!r}.")
    return limit * 1e9


def check_array(path: str, array: Any, *, whole: bool) -> None:
    """Check what reading an array takes, from its metadata: all of it, or a chunk.

    A chunk may be said to be larger than its array, and is decoded as a whole.

    Raises
    ------
    ResourceError
        If that is more than :func:`allowed`.
    """
    values = max(math.prod(array.shape) if whole else 0, math.prod(array.chunks or (0,)))
    check_bytes(path, str(array.name).strip("/"), values * array.dtype.itemsize)


def check_bytes(path: str, name: str, needed: int) -> None:
    """Check that something of a size may be read into memory.

    Raises
    ------
    ResourceError
        If it is more than :func:`allowed`.
    """
    limit = allowed()
    if needed > limit:
        raise ResourceError(
            f"{path}: to read {name} takes {needed / 1e9:,.1f} GB, and one array may take "
            f"{limit / 1e9:,.1f} GB here{'' if os.environ.get(VARIABLE) else ', a quarter of the memory'}.",
            fix=f"If the data are as large as that, allow it ({VARIABLE}={math.ceil(needed / 1e9)}), on a "
            "machine with the memory. If they are not, the file was made to harm, or is damaged.",
        )
