"""The one family of errors that a user may see: what was wrong, where, and what to do about it."""

from __future__ import annotations


class AnemoiError(Exception):
    """A mistake in the input or the environment, said so that the reader can mend it.

    The command line prints it without a traceback and exits with code 2.

    Parameters
    ----------
    what
        What was wrong, and where.
    fix
        What to do about it: a command to run or a value to change.
    """

    exit_code = 2

    def __init__(self, what: str, *, fix: str | None = None) -> None:
        super().__init__(what if fix is None else f"{what}\n{fix}")
        self.what = what
        self.fix = fix


class PluginError(AnemoiError):
    """A component is unknown, absent, incompatible, broken, blocked, or offered twice."""


class ConfigError(AnemoiError):
    """A configuration does not compose, or a value in it is not what its component takes."""


class CheckpointError(AnemoiError):
    """A checkpoint is missing, damaged, foreign, or needs what is not installed."""


class DataError(AnemoiError):
    """A data source or an output does not hold what is asked of it."""
