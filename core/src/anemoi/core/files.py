"""Files and directories that appear whole or not at all: written under a hidden name, then renamed.

Whoever reads them meanwhile, or after a crash, sees the old one or the new one, never a part.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_HIDDEN = re.compile(r"\.(.+)\.[0-9a-f]+\.partial.*")


def write_whole(path: Path, *parts: bytes | memoryview, durable: bool = False) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path
        The file; one that exists is replaced.
    parts
        Its content, written one after the other.
    durable
        Whether it must survive a power failure once this returns, which takes some milliseconds.

    Raises
    ------
    OSError
        If it cannot be written; a file that existed is unchanged.
    """
    with appearing(path, durable=durable) as partial, partial.open("xb") as file:
        for part in parts:
            file.write(part)


@contextmanager
def appearing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a hidden path beside ``path`` at which to write a file or a directory.

    It takes the name ``path`` at the end of the block, or is removed if the block fails.

    Parameters
    ----------
    path, durable
        As for :func:`put_in_place`.

    Raises
    ------
    OSError
        As :func:`put_in_place` does.
    """
    partial = hidden_beside(path)
    try:
        yield partial
        put_in_place(partial, path, durable=durable)
    finally:
        remove(partial)


def hidden_beside(path: Path) -> Path:
    """A new hidden name in the directory of ``path``: ``.NAME.1f2e3d4c.partial``."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}.partial")


def leftovers(*paths: Path) -> list[Path]:
    """What writers of ``paths`` that were killed have left beside them."""
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(path.name)
    return sorted(
        each
        for folder, written in names.items()
        if folder.is_dir()
        for each in folder.iterdir()
        if (match := _HIDDEN.fullmatch(each.name)) and match[1] in written
    )


def put_in_place(partial: Path, path: Path, *, durable: bool = False) -> None:
    """Give a file or a directory that is whole its name, in place of what has that name.

    A directory that is replaced is removed at last: no system renames one over another in one step.

    Parameters
    ----------
    partial
        What is whole, on the file system of ``path``.
    path
        Its name.
    durable
        Whether a file must survive a power failure once this returns: it is on disk before it gets its name,
        without which a name without contents may remain, and then the name is.

    Raises
    ------
    OSError
        If it cannot be done, such as for a file where ``path`` is a directory; ``path`` is unchanged.
    """
    if durable:
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
    if partial.is_dir() and os.path.lexists(path):
        old = hidden_beside(path)
        path.rename(old)
        try:
            partial.rename(path)
        except OSError:
            old.rename(path)
            raise
        remove(old)
    else:
        partial.replace(path)
    if durable and os.name == "posix":  # other systems do not open directories
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def remove(path: Path) -> None:
    """Remove a file or a directory as far as possible, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
