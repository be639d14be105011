"""How errors of the libraries underneath are told."""

from __future__ import annotations

import sys


def is_unreachable(error: BaseException) -> bool:
    """Whether an object store did not answer, or has no such object; not that what it has is damaged."""
    exceptions = sys.modules.get("obstore.exceptions")
    if exceptions is None:  # Nothing has asked one.
        return False
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, exceptions.BaseError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def one_line(error: Exception) -> str:
    """The kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
