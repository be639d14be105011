"""One file, there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anemoi.core.errors import DataError


@dataclass(frozen=True)
class ResultFile:
    """A file that is to be written, checked before the work that fills it begins.

    Parameters
    ----------
    path
        The file; its directory is made when it is written.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    DataError
        If it is there and may not be replaced, or its directory cannot be written or made.
    """

    path: Path
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.path.is_dir():
            raise DataError(f"{self.path} is a directory.", fix="Name a file.")
        if os.path.lexists(self.path) and not self.overwrite:
            raise DataError(
                f"{self.path} exists.", fix="Choose another place, or replace it with --overwrite."
            )
        nearest = next(parent for parent in self.path.absolute().parents if os.path.lexists(parent))
        try:
            # Only trying tells: permissions say nothing of a file system that is read-only or full.
            tempfile.TemporaryFile(dir=nearest).close()
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, content: bytes) -> None:
        """Write the file: to another name beside it, and only then to its own.

        Raises
        ------
        DataError
            If it cannot be written; what was there before is there still.
        """
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                partial.write_bytes(content)
                partial.replace(self.path)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> DataError:
        return DataError(
            f"{self.path} cannot be written: {error.strerror or error}.",
            fix="Choose a directory in which you may write and that has room.",
        )
