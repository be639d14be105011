"""The one family of errors that a user may see: what was wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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


class AbsentError(PluginError):
    """A component is not installed, and it is known what brings it.

    Parameters
    ----------
    what
        What is absent.
    requirement
        What pip installs: ``anemoi-plugin-gnn``, or ``anemoi-plugin-gnn==0.2.1``.
    fix
        The command that installs it, and what else could be done.
    """

    def __init__(self, what: str, *, requirement: str, fix: str) -> None:
        super().__init__(what, fix=fix)
        self.requirement = requirement


class PluginsError(PluginError):
    """Several components cannot be used: :func:`anemoi.core.plugins.together` makes one error of them.

    Parameters
    ----------
    errors
        What is wrong with each.
    fix
        The commands that mend all of it.
    """

    def __init__(self, errors: Sequence[PluginError], *, fix: str | None) -> None:
        super().__init__("\n".join(dict.fromkeys(error.what for error in errors)), fix=fix)
        self.errors = tuple(errors)


class ConfigError(AnemoiError):
    """A configuration does not compose, or a value in it is not what its component takes."""


class CheckpointError(AnemoiError):
    """A checkpoint is missing, damaged, foreign, or needs what is not installed."""


class DataError(AnemoiError):
    """A data source or an output does not hold what is asked of it."""


class ImplausibleError(DataError):
    """A forecast has made values that cannot be: it stops, and what it made before is whole.

    Parameters
    ----------
    what
        Which variable, at which step and place, and its value.
    fix
        What to do about it.
    lead_time
        The first lead time with such values; the states before it are good.
    """

    exit_code = 7

    def __init__(self, what: str, *, fix: str, lead_time: np.timedelta64) -> None:
        super().__init__(what, fix=fix)
        self.lead_time = lead_time
