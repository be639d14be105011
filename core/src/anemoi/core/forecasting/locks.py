"""Locks that keep two forecasts from writing one file: taken before anything is computed."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import ResourceError
from ..locking import LockedError, lock


class OutputLocks:
    """Holds a lock beside each path, ``.NAME.lock``, until it is released.

    The system drops the lock of a process that dies, whatever kills it; the file that it then leaves is taken
    over, and removed, by the next forecast to that path.

    Parameters
    ----------
    paths
        What is to be written.

    Raises
    ------
    ResourceError
        If another forecast writes one of them, or too many files are open for so many locks.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._held: dict[Path, BinaryIO] = {}
        self._release = weakref.finalize(self, _release, self._held)
        try:
            for path in dict.fromkeys(paths):
                self._take(path)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give all of them back; once is enough."""
        self._release()

    def _take(self, path: Path) -> None:
        beside = path.with_name(f".{path.name}.lock")
        while True:
            try:
                file = lock(beside)
            except LockedError as error:
                raise ResourceError(
                    f"{path} is being written by another forecast ({error.holder}).",
                    fix="Wait until it has ended, or choose another path.",
                ) from error
            except OSError as error:
                if ResourceError.kind(error) is ResourceError:
                    raise ResourceError(
                        f"{path} cannot be locked: {error.strerror}.",
                        fix="Make fewer forecasts at once, or let more files be open (ulimit -n).",
                    ) from error
                return  # where no file can be made none will be written, which its output says better
            with suppress(FileNotFoundError):
                # Who held it before may have removed the file since it was opened here.
                if os.fstat(file.fileno()).st_ino == beside.stat().st_ino:
                    self._held[beside] = file
                    return
            file.close()


def _release(held: dict[Path, BinaryIO]) -> None:
    for path, file in held.items():
        path.unlink(missing_ok=True)  # first, so that nobody locks a file that is about to vanish
        file.close()
    held.clear()
