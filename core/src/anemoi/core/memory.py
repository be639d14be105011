"""How much memory there is."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def available_memory() -> int:
    """How many bytes this process may have: of the machine, its container, or as its shell allows.

    Where the system tells nothing, as Windows, a number that nothing reaches.
    """
    known = [sys.maxsize]
    if hasattr(os, "sysconf"):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ModuleNotFoundError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            known.append(limit)
    # A container without a limit says max, in the first of the files.
    texts = [path.read_text().strip() for path in _CGROUPS if path.exists()]
    return min([*known, *(int(text) for text in texts if text.isdigit())])
