"""How much memory may be asked for: no more than a share of what the machine has, however small a file is."""

from __future__ import annotations

import os
import resource
from math import prod
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import ResourceError

SHARE: Final = 0.25
"""The share of the memory of the machine that one array may take when it is opened."""

_CGROUPS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def memory() -> int:
    """How many bytes this process may have: of the machine, its container, or as its shell allows."""
    known = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        known.append(limit)
    # A container without a limit says max, in the first of the files.
    texts = [path.read_text().strip() for path in _CGROUPS if path.exists()]
    return min([*known, *(int(text) for text in texts if text.isdigit())])


def check_array(path: str, array: Any, *, whole: bool) -> None:
    """Check what reading an array takes, from its metadata: all of it, or a chunk.

    A chunk may be said to be larger than its array, and is decoded as a whole.

    Raises
    ------
    ResourceError
        If that is more than a share of the memory.
    """
    values = max(prod(array.shape) if whole else 0, prod(array.chunks or (0,)))
    check_bytes(path, str(array.name).strip("/"), values * array.dtype.itemsize)


def check_bytes(path: str, name: str, needed: int) -> None:
    """Check that something of a size may be read into memory.

    Raises
    ------
    ResourceError
        If it is more than a share of it.
    """
    allowed = SHARE * memory()
    if needed > allowed:
        raise ResourceError(
            f"{path}: to read {name} takes {needed / 1e9:,.1f} GB, and one array may take "
            f"{allowed / 1e9:,.1f} GB here, a quarter of the memory.",
            fix="If the data are as large as that, open them on a machine with more memory. If they are not, "
            "the file was made to harm, or is damaged.",
        )
