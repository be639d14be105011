"""What an interrupted forecast goes on from: its normalised states, kept in a file while it is made.

The file begins with a line that names the format. Records follow, each of them a length (8 bytes,
little-endian), a hash (16 bytes, BLAKE2b of the record's number and its contents) and the contents. The first
is a JSON document that says of which forecast the journal is; each of the others is a state, float32 in C
order, those that the forecast starts from before those that it made. A record without contents ends the
journal of a forecast that is whole. What a crash has torn has another hash, or no end, and counts as not
written.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, Union

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ResourceError
from ..files import write_whole

_MAGIC = b"anemoi-forecast-journal 1\n"
_LENGTH = struct.Struct("<Q")
_HASH = 16
Buffer = Union[bytes, "memoryview[int]"]
_FIX = "Repeat the command that was interrupted, or remove the journal to start anew."


class ForecastJournal:
    """The states of one forecast so far. Nothing is written before the first state is.

    Parameters
    ----------
    path
        Where it lies, or will.
    about
        What makes the forecast this one and no other, as JSON, which a journal that lies there must equal.
    provenance
        Of the forecast, if it begins now; the one that goes on keeps its own.

    Attributes
    ----------
    provenance
        Of the forecast that it is the journal of.
    whole
        Whether that forecast has been written.

    Raises
    ------
    DataError
        If something else lies there, or the journal of another forecast, or it cannot be read.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
        self.path, self.whole = path, False
        self.provenance = provenance
        self._about = json.loads(json.dumps(about))
        self._places: list[tuple[int, int]] = []  # where each state begins, and its bytes
        self._end = 0
        try:
            with path.open("rb") as file:
                self._read(file)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise DataError(f"The journal {path} cannot be read: {error.strerror or error}.") from error

    def __len__(self) -> int:
        """How many states are in it."""
        return len(self._places)

    def state(self, index: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Read the state of that number."""
        begin, length = self._places[index]
        with self.path.open("rb") as file:
            file.seek(begin)
            return np.frombuffer(bytearray(file.read(length)), "<f4").reshape(shape)

    def append(self, state: NDArray[np.float32]) -> None:
        """Add a state.

        Raises
        ------
        DataError
            If it cannot be written.
        """
        contents = np.ascontiguousarray(state, "<f4").data.cast("B")
        try:
            if not self._end:
                self.path.write_bytes(self._beginning())
                self._end = self.path.stat().st_size
            with self.path.open("r+b", buffering=0) as file:
                file.truncate(self._end)
                file.seek(self._end)
                _write(file, _head(len(self) + 1, contents))
                _write(file, contents)
                os.fsync(file.fileno())  # a file of this state must not outlive it in a power failure
        except OSError as error:
            raise self._unwritable(error) from error
        begin = self._end + _LENGTH.size + _HASH
        self._places.append((begin, len(contents)))
        self._end = begin + len(contents)

    def finish(self) -> None:
        """Note that the forecast is written, and forget its states."""
        try:
            write_whole(self.path, self._beginning(), _record(b"", number=1))
        except OSError as error:
            raise self._unwritable(error) from error
        self._places, self.whole = [], True

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)

    def _beginning(self) -> bytes:
        document = {"forecast": self._about, "provenance": dict(self.provenance)}
        return _MAGIC + _record(json.dumps(document).encode(), number=0)

    def _read(self, file: BinaryIO) -> None:
        magic = file.read(len(_MAGIC))
        if not _MAGIC.startswith(magic):
            raise DataError(f"{self.path} is not a journal of this version of Anemoi.", fix=_FIX)
        records = _records(file)
        _, contents = next(records, (0, b""))
        if not contents:
            return
        document = json.loads(contents)
        if other := _differences(document["forecast"], self._about):
            raise DataError(f"{self.path} is the journal of another forecast: {'; '.join(other)}.", fix=_FIX)
        self.provenance = document["provenance"]
        self._end = file.tell()
        for begin, contents in records:
            self.whole = not contents
            if self.whole:
                break
            self._places.append((begin, len(contents)))
            self._end = file.tell()

    def _unwritable(self, error: OSError) -> DataError:
        return ResourceError.kind(error)(
            f"The journal {self.path} cannot be written: {error.strerror or error}.",
            fix="It takes as much room as the forecast; without --restart there is none.",
        )


def _record(contents: bytes, *, number: int) -> bytes:
    return _head(number, contents) + contents


def _head(number: int, contents: Buffer) -> bytes:
    return _LENGTH.pack(len(contents)) + _hash(number, contents)


def _records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read whole records up to the first that is torn: where each has its contents, and these."""
    size, number = os.fstat(file.fileno()).st_size, 0
    while len(head := file.read(_LENGTH.size + _HASH)) == _LENGTH.size + _HASH:
        (length,) = _LENGTH.unpack_from(head)
        begin = file.tell()
        if begin + length > size:
            return
        contents = file.read(length)
        if head[_LENGTH.size :] != _hash(number, contents):
            return
        yield begin, contents
        number += 1


def _hash(number: int, contents: Buffer) -> bytes:
    made = hashlib.blake2b(_LENGTH.pack(number), digest_size=_HASH)
    made.update(contents)
    return made.digest()


def _write(file: FileIO, data: Buffer) -> None:
    view = memoryview(data)
    while view:  # an unbuffered file may take a part
        view = view[file.write(view) :]


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*there, *here])
    return [
        f"its {key} is {there.get(key)}, not {here.get(key)}"
        for key in keys
        if there.get(key) != here.get(key)
    ]
