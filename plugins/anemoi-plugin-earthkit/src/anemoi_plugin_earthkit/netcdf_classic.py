"""Whether a NetCDF file in a classic format is as long as its header says.

The C library reads what lies beyond the end of such a file as zeros. The layout of the header is that of the
NetCDF Classic Format Specification in its versions 1 and 2 (64-bit offsets).
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import BinaryIO, Final

from anemoi.core.errors import DataError

_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8}
"""The bytes that a value of each type takes."""


def check_length(path: Path) -> None:
    """See that a file of a classic format ends after the last of its values; of other files nothing is said.

    Raises
    ------
    DataError
        If it ends before: it names the first variable that is cut.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        if magic[:3] != b"CDF" or magic[3:] not in (b"\1", b"\2"):
            return
        try:
            extents = _Header(file, magic[3]).extents()
        except EOFError:
            raise DataError(
                f"{path} is truncated: it ends within its header.", fix="Copy or make the file again."
            ) from None
    size = path.stat().st_size
    for name, end in extents:
        if end > size:
            raise DataError(
                f"{path} is truncated: its variable {name} would end at byte {end}, the file does at {size}.",
                fix="Copy or make the file again.",
            )


class _Header:
    def __init__(self, file: BinaryIO, version: int) -> None:
        self._file = file
        self._offset = 4 if version == 1 else 8

    def extents(self) -> list[tuple[str, int]]:
        """List the variables and the byte that each ends before."""
        records = self._number()
        lengths = [self._dimension() for _ in range(self._list())]
        self._attributes()
        fixed: list[tuple[str, int, int]] = []
        recorded: list[tuple[str, int, int]] = []
        for _ in range(self._list()):
            name = self._name()
            shape = [lengths[self._number()] for _ in range(self._number())]
            self._attributes()
            kind = self._number()
            self._number()  # Its size, which is no use where it is too large for the field.
            begin = self._number(self._offset)
            in_record = bool(shape) and shape[0] == 0
            size = prod(shape[in_record:]) * _SIZES.get(kind, 1)
            (recorded if in_record else fixed).append((name, begin, size))
        # Records lie side by side, each of their parts padded to four bytes, unless there is but one.
        record = sum(-(-size // 4) * 4 for *_, size in recorded) if len(recorded) > 1 else 0
        record = record or sum(size for *_, size in recorded)
        streamed = records == 2**32 - 1
        steps = 0 if streamed else records
        return [(name, begin + size) for name, begin, size in fixed] + [
            (name, begin + (steps - 1) * record + size) for name, begin, size in recorded if steps
        ]

    def _dimension(self) -> int:
        self._name()
        return self._number()

    def _attributes(self) -> None:
        for _ in range(self._list()):
            self._name()
            size = _SIZES.get(self._number(), 1)
            self._padded(size * self._number())

    def _list(self) -> int:
        self._number()  # What is listed.
        return self._number()

    def _name(self) -> str:
        return self._padded(self._number()).decode(errors="replace")

    def _padded(self, count: int) -> bytes:
        return self._bytes(-(-count // 4) * 4)[:count]

    def _number(self, count: int = 4) -> int:
        return int.from_bytes(self._bytes(count), "big")

    def _bytes(self, count: int) -> bytes:
        found = self._file.read(count)
        if len(found) < count:
            raise EOFError
        return found
