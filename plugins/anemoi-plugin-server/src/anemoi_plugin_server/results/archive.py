"""A directory of a result as one file: a zip that is made while it is sent, on no disk and in no memory."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final
from zipfile import ZIP64_LIMIT, ZIP_STORED, ZipFile, ZipInfo

from .manifest import Entry, Made

PART: Final = 1 << 20
"""How many bytes are sent at once."""

_MODE: Final = 0o644 << 16
"""Where a zip has the permissions of a file."""


def zipped(members: Mapping[str, Entry | Made]) -> Iterator[bytes]:
    """The bytes of a zip, the same each time.

    Nothing is compressed: chunks of Zarr are already, and readers find each at its place.

    Parameters
    ----------
    members
        The files by their paths in it.

    Raises
    ------
    OSError
        If one cannot be read any more: what has come is not whole.
    """
    sent = _Sent()
    with ZipFile(sent, "w", ZIP_STORED) as archive:
        for path in sorted(members):
            member = members[path]
            info = ZipInfo(path)  # dated 1980, as where no date is known
            info.external_attr = _MODE
            with (
                archive.open(info, "w", force_zip64=member.size >= ZIP64_LIMIT) as target,
                member.open() as source,
            ):
                while part := source.read(PART):
                    target.write(part)
                    if sent.waiting >= PART:
                        yield sent.take()
    yield sent.take()


class _Sent(io.RawIOBase):
    """A file that is only written, and whose contents are taken away meanwhile."""

    def __init__(self) -> None:
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any, /) -> int:
        self._held += part
        return len(part)

    @property
    def waiting(self) -> int:
        """How many bytes have not been taken."""
        return len(self._held)

    def take(self) -> bytes:
        """What has been written since the last time."""
        taken = bytes(self._held)
        self._held.clear()
        return taken
