"""Checks whether a data set may be written at a path, and says why it cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from anemoi.core.errors import DataError, RequestError, ResourceError

from .store import is_store


def check_replaceable(path: Path, overwrite: bool) -> None:
    """Check that ``path`` is free, or a data set that may be overwritten.

    Raises
    ------
    RequestError
        If not.
    """
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise RequestError(
            f"{path} exists already.",
            fix="Choose another path, or replace it with --overwrite (in Python: overwrite=True).",
        )
    if path.is_dir() and not is_store(path) and any(path.iterdir()):
        raise RequestError(
            f"{path} is a directory that holds something else than a Zarr group: it is not overwritten.",
            fix="Choose another path, or remove the directory yourself.",
        )


def check_suffix(path: Path, what: str, *suffixes: str) -> None:
    """Check that the suffix of ``path`` is one of what is written there, or none.

    Parameters
    ----------
    what
        What writes, for the message.

    Raises
    ------
    RequestError
        If it is another one.
    """
    suffix = path.suffix.lower()
    # A number is the end of a version: my-data-1.2
    if suffix in ("", *suffixes) or suffix[1:].isdigit():
        return
    raise RequestError(
        f"{what} writes no {suffix} ({path}): it writes {' and '.join(suffixes)}.",
        fix=f"Choose a path that ends in {suffixes[0]}: {path.with_suffix(suffixes[0])}",
    )


def unwritable(path: Path, error: OSError) -> DataError:
    """Say that ``path`` cannot be written, and why."""
    return ResourceError.kind(error)(
        f"{path} cannot be written: {error.strerror or error}.",
        fix=f"Make sure that the directory {path.parent} exists, can be written in and has room, "
        "or choose another path.",
    )
