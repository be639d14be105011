"""How errors of the libraries underneath are told."""

from __future__ import annotations


def one_line(error: Exception) -> str:
    """The kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
