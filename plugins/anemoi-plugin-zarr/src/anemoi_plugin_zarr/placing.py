"""Checks whether a data set may be written at a path, and says why it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from anemoi.core.errors import DataError

from .store import is_store


def check_replaceable(path: Path, overwrite: bool) -> None:
    """Check that ``path`` is free, or a data set that may be overwritten.

    Raises
    ------
    DataError
        If not.
    """
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise DataError(
            f"{path} exists already.",
            fix="Choose another path, or replace it with --overwrite (in Python: overwrite=True).",
        )
    if path.is_dir() and not is_store(path) and any(path.iterdir()):
        raise DataError(
            f"{path} is a directory that holds something else than a Zarr group: it is not overwritten.",
            fix="Choose another path, or remove the directory yourself.",
        )


def unwritable(path: Path, error: OSError) -> DataError:
    """Say that ``path`` cannot be written, and why."""
    return DataError(
        f"{path} cannot be written: {error.strerror or error}.",
        fix=f"Make sure that the directory {path.parent} exists, can be written in and has room, "
        "or choose another path.",
    )
