"""The messages of a GRIB file: where each is, and its headers without its data.

Reading the headers of a message costs a thousandth of reading the message. The layout is that of WMO's Manual
on Codes, FM 92 GRIB: sections, each of which says how long it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anemoi.core.errors import DataError

_BLOCK = 1024
_SEARCH = 1 << 16
_END = b"7777"


@dataclass(frozen=True)
class Message:
    """A message of a GRIB file.

    Parameters
    ----------
    offset, length
        The bytes of the file that it takes.
    headers
        A message that ecCodes takes, with the same headers and no values.
    whole
        Whether it ends within the file, and as a message must.
    """

    offset: int
    length: int
    headers: bytes
    whole: bool


def messages(path: Path) -> Iterator[Message]:
    """List the messages of a file. What lies between them, such as bulletin headings, is passed over.

    Raises
    ------
    DataError
        If it holds none, or one whose headers are cut off or that holds several fields.
    """
    with path.open("rb", buffering=0) as file:
        window = _Window(file.fileno())
        offset = window.find(0)
        if offset is None:
            raise DataError(
                f"{path} is not a GRIB file: there is no message in it.",
                fix="Give a path or a pattern that matches GRIB files alone: path=DIR/*.grib",
            )
        while offset is not None:
            try:
                message = _edition_1(window, offset) if window(offset + 7, 1)[0] == 1 else None
                message = message or _edition_2(window, offset, path)
            except EOFError:
                raise DataError(
                    f"{path} is truncated: it ends within the headers of the message at byte {offset}.",
                    fix="Copy or make the file again.",
                ) from None
            yield message
            offset = window.find(offset + message.length)


class _Window:
    """Bytes of a file by their position, read a block at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._start, self._block = descriptor, 0, b""
        self.size = os.fstat(descriptor).st_size

    def __call__(self, start: int, count: int) -> bytes:
        if start < self._start or start + count > self._start + len(self._block):
            self._start, self._block = start, os.pread(self._descriptor, max(count, _BLOCK), start)
        found = self._block[start - self._start :][:count]
        if len(found) < count:
            raise EOFError
        return found

    def number(self, start: int, count: int) -> int:
        return int.from_bytes(self(start, count), "big")

    def find(self, start: int) -> int | None:
        """Where the next message begins, or None."""
        if start + 8 <= self.size and _begins(self(start, 8)):
            return start
        while start + 8 <= self.size:
            block = os.pread(self._descriptor, _SEARCH, start)
            at = block.find(b"GRIB")
            while at >= 0:
                if _begins(os.pread(self._descriptor, 8, start + at)):
                    return start + at
                at = block.find(b"GRIB", at + 1)
            start += max(len(block) - 7, 1)
        return None

    def ends(self, end: int) -> bool:
        """Whether a message ends at byte ``end``."""
        return end <= self.size and os.pread(self._descriptor, 4, end - 4) == _END


def _begins(start: bytes) -> bool:
    return start[:4] == b"GRIB" and start[7:8] in (b"\1", b"\2")


def _edition_1(window: _Window, offset: int) -> Message:
    length = window.number(offset + 4, 3)
    at = offset + 8
    product = bytearray(window(at, window.number(at, 3)))
    at += len(product)
    sections = b""
    for flag in (0x80, 0x40):  # A grid description and a bit map, where there are any.
        if product[7] & flag:
            size = window.number(at, 3)
            sections += window(at, size) if flag == 0x80 else b""
            at += size
    data_length = window.number(at, 3)
    if length & 0x800000 and data_length < 120:
        # A length that three bytes cannot hold counts in units of 120, less what the data section says.
        length = (length & 0x7FFFFF) * 120 - data_length + 4
    product[7] &= ~0x40
    # The data section up to the number of bits, as simple packing, and a byte to make its length even.
    data = (12).to_bytes(3, "big") + b"\0" + window(at + 4, 7) + b"\0"
    size = 8 + len(product) + len(sections) + len(data) + len(_END)
    headers = b"GRIB" + size.to_bytes(3, "big") + b"\1" + bytes(product) + sections + data + _END
    return Message(offset, length, headers, window.ends(offset + length))


def _edition_2(window: _Window, offset: int, path: Path) -> Message:
    length = window.number(offset + 8, 8)
    at, sections = offset + 16, b""
    while (number := window(at + 4, 1)[0]) != 7:
        size = window.number(at, 4)
        if number > 7 or size < 5:
            raise DataError(
                f"{path} is damaged: the message at byte {offset} has a section {number} of {size} bytes.",
                fix="Copy or make the file again.",
            )
        # Section 6 is a bit map: 255 says that there is none.
        sections += b"\0\0\0\6\6\xff" if number == 6 else window(at, size)
        at += size
    at += window.number(at, 4)
    whole = window.ends(offset + length)
    if whole and at + len(_END) != offset + length:
        raise DataError(
            f"{path} holds several fields in the message at byte {offset}, which is not supported.",
            fix=f"Write each to a message of its own: grib_copy {path.name} NEW.grib2",
        )
    sections += b"\0\0\0\5\7" + _END
    start = window(offset, 8) + (16 + len(sections)).to_bytes(8, "big")
    return Message(offset, length, start + sections, whole)
