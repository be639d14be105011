"""One training in one directory: who has it, and whether another may."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anemoi.core.errors import AnemoiError

log = logging.getLogger("anemoi")

_LOCK = ".lock"

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""What a file system says that has no locks, as some parallel ones are mounted."""


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Keep a directory for one training; the system gives it free when the process ends, however it does.

    Raises
    ------
    AnemoiError
        If another training has it.
    """
    with (directory / _LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AnemoiError(
                f"Another training is running in {directory}: {_who(file.read())}.",
                fix="Choose another directory with --output, or wait until it has ended.",
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            log.warning(
                "The file system of %s has no locks: nothing stops a second training there.", directory
            )
        file.truncate(0)
        json.dump({"process": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        yield


def _who(text: str) -> str:
    try:
        owner = json.loads(text)
        return f"process {owner['process']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):  # it has just begun
        return "a process that has just begun"
