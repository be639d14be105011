"""One file, there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from anemoi.core.errors import DataError
from anemoi.core.files import leftovers, write_whole


@dataclass(frozen=True)
class ResultFile:
    """A file that is to be written, checked before the work that fills it begins.

    Parameters
    ----------
    path
        The file; its directory is made when it is written.
    overwrite
        Whether a file that is there may be replaced.
    alone
        Whether its directory must hold nothing else, so that it lands in no data set or project by mistake.

    Raises
    ------
    DataError
        If it is there and may not be replaced, its directory cannot be written or made, or that holds
        something else where the file is to be alone.
    """

    path: Path
    overwrite: bool = False
    alone: bool = False

    def __post_init__(self) -> None:
        if self.path.is_dir():
            raise DataError(f"{self.path} is a directory.", fix="Name a file.")
        nearest = next(parent for parent in self.path.absolute().parents if os.path.lexists(parent))
        try:
            # Only trying tells: permissions say nothing of a file system that is read-only or full.
            tempfile.TemporaryFile(dir=nearest).close()
            others = self._others() if self.alone and nearest == self.path.absolute().parent else []
        except OSError as error:
            raise self._refusal(error) from error
        if others:
            raise DataError(
                f"{self.path.parent} holds something else than a {self.path.name}: "
                f"{', '.join(others[:3])}{', ...' if len(others) > 3 else '.'}",
                fix="Choose another directory: one that is empty, or that is not there yet.",
            )
        if os.path.lexists(self.path) and not self.overwrite:
            raise DataError(
                f"{self.path} exists.", fix="Choose another place, or replace it with --overwrite."
            )

    def _others(self) -> list[str]:
        """What else is in the directory, but for what a killed writer of this file has left."""
        own = {self.path, *leftovers(self.path)}
        return sorted(path.name for path in self.path.parent.iterdir() if path not in own)

    def write(self, content: bytes) -> None:
        """Write the file: to another name beside it, and only then to its own.

        Raises
        ------
        DataError
            If it cannot be written; what was there before is there still.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, content)
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> DataError:
        return DataError(
            f"{self.path} cannot be written: {error.strerror or error}.",
            fix="Choose a directory in which you may write and that has room.",
        )
