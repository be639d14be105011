"""Gives what was written out of sight its name, or leaves nothing."""

from __future__ import annotations

import os
import shutil
import uuid
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


def directory_beside(path: Path) -> Path:
    """Make a hidden directory beside ``path``, with a name of its own.

    Raises
    ------
    DataError
        If that cannot be done.
    """
    beside = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        beside.mkdir()
    except OSError as error:
        raise unwritable(path, error) from error
    return beside


def unwritable(path: Path, error: OSError) -> DataError:
    """Say that ``path`` cannot be written, and why."""
    return DataError(
        f"{path} cannot be written: {error.strerror or error}.",
        fix=f"Make sure that the directory {path.parent} exists, can be written in and has room, "
        "or choose another path.",
    )


def replace(partial: Path, path: Path) -> None:
    """Put ``partial`` in the place of ``path``; what was there is removed once it is."""
    if os.path.lexists(path):
        old = directory_beside(path)
        path.rename(old / path.name)
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    else:
        partial.rename(path)
