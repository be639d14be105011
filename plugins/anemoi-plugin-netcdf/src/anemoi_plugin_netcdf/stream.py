"""A file that HDF5 can always write to, and that tells afterwards whether it could be."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class Stream(io.FileIO):
    """A new file, which keeps the first error of writing instead of raising it.

    HDF5 cannot close a file that it could not write, and ends the process when it tries once more: told that
    all is well, it closes it, and whoever writes calls :meth:`check`. What came after the error is lost.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+")
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all of ``data``, or nothing once there was an error."""
        rest = memoryview(data).cast("B")
        count = len(rest)
        try:
            while len(rest) and self._error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        return count

    def truncate(self, size: int | None = None, /) -> int:
        """Set the size of the file, unless there was an error."""
        try:
            return size or 0 if self._error else super().truncate(size)
        except OSError as error:
            self._error = error
            return size or 0

    def check(self) -> None:
        """Raise the error of writing, if there was any."""
        if self._error is not None:
            raise self._error
