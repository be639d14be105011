"""The one family of errors that a user may see: what was wrong, where, and what to do about it.

Each class has the exit code with which a command ends; docs/exit-codes.md says what to do about each.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from .config.check import Problem


class AnemoiError(Exception):
    """A mistake in the input or the environment, said so that the reader can mend it.

    The command line prints it without a traceback and ends with ``exit_code``.

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

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes, whatever the constructor of a subclass takes."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[AnemoiError], args: tuple[Any, ...]) -> AnemoiError:
    return kind.__new__(kind, *args)


class PluginError(AnemoiError):
    """A component is unknown, absent, incompatible, broken, blocked, or offered twice."""

    exit_code = 5


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
    """A configuration does not compose, or a value in it is not what its component takes.

    Parameters
    ----------
    what, fix
        As for every error.
    problems
        The same one by one, each with its key, for a form that shows an error beside its field; empty where
        they are not known.
    """

    def __init__(self, what: str, *, fix: str | None = None, problems: Sequence[Problem] = ()) -> None:
        super().__init__(what, fix=fix)
        self.problems = tuple(problems)


class CheckpointError(AnemoiError):
    """A checkpoint is missing, damaged, foreign, or needs what is not installed."""

    exit_code = 5


class DataError(AnemoiError):
    """A data source or an output does not hold what is asked of it."""

    exit_code = 4


class RequestError(DataError):
    """What was asked for cannot be, whatever the data hold: a path without a suffix, a file that is there."""

    exit_code = 2


class NotThereError(DataError):
    """Data are not there: a file, or a date that a source does not have (yet). Try again later."""

    exit_code = 3


class ResourceError(DataError):
    """The disk, the memory or another resource of the machine does not suffice."""

    exit_code = 6

    @classmethod
    def kind(cls, error: OSError) -> type[DataError]:
        """The class of error that an error of the system in writing is told as.

        This one, :class:`RequestError` where no such file can be written (there is no such directory, or it
        is another's), or :class:`DataError`.
        """
        if error.errno in _RESOURCES:
            return cls
        return RequestError if error.errno in _PLACES else DataError


_RESOURCES = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO)
)


_PLACES = frozenset(
    (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG)
)


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
