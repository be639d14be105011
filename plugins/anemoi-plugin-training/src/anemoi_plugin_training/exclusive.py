"""One training in one directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anemoi.core.errors import AnemoiError
from anemoi.core.locking import LockedError, lock

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
