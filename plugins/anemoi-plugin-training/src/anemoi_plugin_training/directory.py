"""The directory of a run, for one training alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anemoi.core.errors import AnemoiError
from anemoi.core.locking import LockedError, lock

from .runs.record import RUN
from .saving import CHECKPOINT

CONFIGURATION = "configuration.json"

_LOCK = ".lock"


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Keep a directory for one training; see :func:`anemoi.core.locking.lock`.

    Raises
    ------
    AnemoiError
        If another training has it.
    """
    try:
        file = lock(directory / _LOCK)
    except LockedError as error:
        raise AnemoiError(
            f"Another training is running in {directory}: {error.holder}.",
            fix="Choose another directory with --output, or wait until it has ended.",
        ) from error
    with file:
        yield


def check_directory(directory: Path, *, resume: bool) -> None:
    """Refuse a directory that has a run already, or one to go on with that has none, or a finished one.

    Raises
    ------
    AnemoiError
        If so.
    """
    if not resume:
        if any((directory / name).exists() for name in (CONFIGURATION, RUN, CHECKPOINT)):
            raise AnemoiError(
                f"There is a run in {directory} already.",
                fix=f"Choose another directory, or go on with it: anemoi train --resume {directory}",
            )
        return
    if (directory / CHECKPOINT).exists():
        raise AnemoiError(
            f"The run in {directory} has finished: there is {directory / CHECKPOINT}.",
            fix="To begin another with its configuration: "
            f"anemoi train --config-from {directory / CHECKPOINT}",
        )
    if not (directory / CONFIGURATION).exists():
        raise AnemoiError(
            f"There is no run in {directory} to go on with: it has no {CONFIGURATION}.",
            fix="Give the directory of a run that `anemoi train` began.",
        )
