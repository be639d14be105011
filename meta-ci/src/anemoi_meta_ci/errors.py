"""The one error that a user may see."""

from __future__ import annotations


class MetaCIError(Exception):
    """A mistake in the matrix, the results or the environment, and what to do about it.

    The command line prints it without a traceback and exits with code 2.
    """

    def __init__(self, what: str, *, fix: str | None = None) -> None:
        super().__init__(what if fix is None else f"{what}\n{fix}")
