"""The errors that a user may see, and those that are the result of one cell."""

from __future__ import annotations


class MetaCIError(Exception):
    """A mistake in the matrix, the results or the environment, and what to do about it.

    The command line prints it without a traceback and exits with code 2.
    """

    def __init__(self, what: str, *, fix: str | None = None) -> None:
        super().__init__(what if fix is None else f"{what}\n{fix}")


class NoWheelError(Exception):
    """A source that gives no wheel: the cells that need it are red, and the others go on.

    Parameters
    ----------
    reason
        Why, on one line.
    log
        All that the tool printed.
    """

    def __init__(self, reason: str, log: str = "") -> None:
        super().__init__(reason)
        self.log = log or reason


class AbsentError(NoWheelError):
    """The repository or index answers, but lacks the ref or the release."""
