"""Which dates of a data set are written: what a creation that was interrupted goes on from.

It lies in the directory that is being written, ``creation/``, and is removed with the last step. A date
counts as written once its own file is there, which comes after its data and takes its name at once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.files import appearing, write_whole
from anemoi.core.locking import LockedError, lock
from anemoi.core.moments import Moments
from numpy.typing import NDArray

_LOCK = "lock"


class CreationJournal:
    """The record of a creation in ``directory``.

    Parameters
    ----------
    directory
        The directory that is being written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._place = directory / "creation"

    def lock(self) -> BinaryIO:
        """Keep others out until what is returned is closed, or this process ends.

        Raises
        ------
        DataError
            If another process is at it.
        """
        self._place.mkdir(parents=True, exist_ok=True)
        try:
            return lock(self._place / _LOCK)
        except LockedError as error:
            raise DataError(
                f"Another process is writing {self._directory}: {error.holder}.",
                fix="Wait for it, or stop it.",
            ) from error

    def clear(self) -> None:
        """Remove all that lies in the directory, but for the lock, which would not lock any more."""
        for path in self._directory.iterdir():
            if path != self._place:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path in self._place.iterdir():
            if path.name != _LOCK:
                path.unlink()

    def plan(self) -> Mapping[str, Any] | None:
        """Give what is being made; None if nothing has begun."""
        try:
            found: Mapping[str, Any] = json.loads((self._place / "plan.json").read_text())
        except FileNotFoundError:
            return None
        return found

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Record what is being made, when the arrays are there."""
        write_whole(self._place / "plan.json", json.dumps(plan).encode())

    def written(self) -> set[int]:
        """Give the positions of the dates that are written."""
        return {int(path.stem) for path in self._place.glob("*.npy")}

    def record(self, date: int, moments: Moments, checksum: int) -> None:
        """Record that a date is written."""
        rows = np.stack([*vars(moments).values(), np.full(len(moments.count), checksum, dtype=np.float64)])
        with appearing(self._place / f"{date}.npy") as partial, partial.open("xb") as file:
            np.save(file, rows)

    def recorded(self, date: int) -> tuple[Moments, int]:
        """Give the moments and the checksum of a date that is written."""
        rows: NDArray[np.float64] = np.load(self._place / f"{date}.npy")
        return Moments(*rows[:-1]), int(rows[-1, 0])

    def remove(self) -> None:
        """Remove the record: nothing is left to do."""
        shutil.rmtree(self._place)
