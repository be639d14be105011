"""A lock that keeps other processes out of a file, and ends with the process that has it."""

from __future__ import annotations

import errno
import logging
import os
import socket
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger("anemoi")

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""The answers of a file system without locks, as some parallel ones are mounted."""


class LockedError(Exception):
    """Another process has the lock.

    Parameters
    ----------
    holder
        Which one: ``process 17 on wn042``.
    """

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


def lock(path: Path) -> BinaryIO:
    """Lock a file, which is made if it is not there, until what is returned is closed.

    Where there are no locks nobody is kept out, and the log says so.

    Raises
    ------
    LockedError
        If another process has it, or this one already.
    OSError
        If the file cannot be opened.
    """
    file = path.open("a+b")
    try:
        _take(file, path)
    except BaseException:
        file.close()
        raise
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
    file.flush()
    return file


def _take(file: BinaryIO, path: Path) -> None:
    try:
        if fcntl is None:
            raise OSError(errno.ENOSYS, "there are no locks")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read(200).decode(errors="replace")
        raise LockedError(holder or "a process that has just begun") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("There are no locks in %s: nothing keeps a second process out.", path.parent)
