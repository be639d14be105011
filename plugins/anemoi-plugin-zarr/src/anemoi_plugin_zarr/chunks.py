"""Decodes the chunks of the array ``data`` straight into the memory where they are wanted.

Zarr decodes a chunk and copies it to where it is wanted; here the codec writes there itself. That works
for the chunks that data sets have: whole fields, in order, little-endian, compressed by one codec.
"""

from __future__ import annotations

import functools
import json
import math
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .processors import processors
from .reader import Index, take

Fetch = Callable[[str], "bytes | None"]
"""Gives the bytes under a key of a store, or None where there is nothing."""

_BLOSC_HEADER = 16
_LARGE = 1 << 20
"""The bytes from which on it takes less to have a thread help than to decode them."""

_CODECS = {"blosc", "zstd", "gzip", "lz4", "zlib", "bz2"}


@functools.cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Those of a process, which a fork of it does not have. To start some takes as long as to read."""
    return ThreadPoolExecutor(processors())


def fetcher(path: Path) -> Fetch:
    """Read from the store at ``path``, a directory or a zip file."""
    if path.is_dir():
        return lambda key: _read_file(f"{path}/{key}")
    archive = zipfile.ZipFile(path)
    names = frozenset(archive.namelist())
    return lambda key: archive.read(key) if key in names else None


def _read_file(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class Chunks:
    """How the array ``data``, ``(time, variable, ensemble, cell)``, lies in its store.

    Parameters
    ----------
    fetch
        Reads from the store.
    metadata
        The key of the array's metadata.
    prefix, separator
        The key of a chunk is the first and its four numbers, joined by the second.
    shape
        That of the array.
    times, members
        How many of them a chunk holds; it holds all variables and all cells.
    dtype
        Of the values on disk.
    codec
        Decompresses a chunk; None where they are not compressed.
    fill
        The value of chunks that were never written.
    """

    fetch: Fetch
    metadata: str
    prefix: str
    separator: str
    shape: tuple[int, int, int, int]
    times: int
    members: int
    dtype: np.dtype[Any]
    codec: Any
    fill: float

    def read(
        self,
        out: NDArray[np.float32],
        times: NDArray[np.intp],
        variables: Index,
        cells: Index,
        check: Callable[[NDArray[np.float32], np.intp], None] | None,
    ) -> None:
        """Read into ``out``, ``(time, variable, ensemble, cell)``; each chunk is decoded once.

        Parameters
        ----------
        check
            Is shown each state and its time while the processor has it at hand, and raises if it will not do.

        Raises
        ------
        ValueError, OSError, RuntimeError
            If a chunk is damaged or the store is gone.
        """
        chunks = times // self.times
        order = np.argsort(chunks, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(chunks[order])) + 1)

        def one(places: NDArray[np.intp]) -> None:
            self._read_chunk(out, places, times[places], variables, cells)
            if check is not None:
                for place in places:
                    check(out[place], times[place])

        # Codecs let other threads run. Processes beside this one, such as those of a data loader, are enough
        # to keep all processors busy.
        size = self.dtype.itemsize * self.times * math.prod(self.shape[1:]) * len(groups)
        helpers = 0 if parent_process() or size < _LARGE else min(processors(), len(groups)) - 1
        left = iter(groups)

        def some() -> None:
            for group in left:
                one(group)

        helping = [_threads(os.getpid()).submit(some) for _ in range(helpers)]
        some()
        for each in helping:
            each.result()

    def _read_chunk(
        self,
        out: NDArray[np.float32],
        places: NDArray[np.intp],
        times: NDArray[np.intp],
        variables: Index,
        cells: Index,
    ) -> None:
        _, width, members, length = self.shape
        chunk = times[0] // self.times
        for number, member in enumerate(range(0, members, self.members)):
            key = self.prefix + self.separator.join(map(str, (chunk, 0, number, 0)))
            into = out[places[0], :, member : member + self.members]
            whole = self.times == 1 and variables is None and cells is None and into.dtype == self.dtype
            if whole and into.flags.c_contiguous and into.shape[1] == self.members:
                self._decode(key, into)
                for place in places[1:]:
                    out[place, :, member : member + self.members] = into
                continue
            values = np.empty((self.times, width, self.members, length), self.dtype)
            self._decode(key, values)
            for place, position in zip(places, times - chunk * self.times, strict=True):
                into = out[place, :, member : member + self.members]
                take(values[position, :, : into.shape[1]], variables, cells, into)

    def _decode(self, key: str, out: NDArray[Any]) -> None:
        raw = self.fetch(key)
        if raw is None:
            if self.fetch(self.metadata) is None:
                raise FileNotFoundError(f"{self.metadata} is not there any more")
            out[...] = self.fill
        elif self.codec is None or self.codec.codec_id != "blosc":
            plain = raw if self.codec is None else self.codec.decode(raw)
            out[...] = np.frombuffer(plain, self.dtype).reshape(out.shape)
        else:
            _check_blosc(key, raw, out.nbytes)
            self.codec.decode(raw, out=out)


def _check_blosc(key: str, raw: bytes, size: int) -> None:
    """Refuse what the codec would read beyond its end: it trusts the sizes in the header."""
    if len(raw) < _BLOSC_HEADER:
        raise ValueError(f"chunk {key} has {len(raw)} bytes")
    sizes = [int.from_bytes(raw[at : at + 4], "little") for at in (4, 12)]
    if sizes != [size, len(raw)]:
        raise ValueError(
            f"chunk {key} should have {sizes[1]} bytes for {size}, but has {len(raw)} for {sizes[0]}"
        )


def find_chunks(fetch: Fetch, shape: tuple[int, int, int, int]) -> Chunks | None:
    """Find how the array ``data`` lies in its store; None where Zarr itself must read it.

    Raises
    ------
    ValueError, KeyError, TypeError
        If its metadata are malformed.
    """
    for name, parse in (("data/.zarray", _format_2), ("data/zarr.json", _format_3)):
        raw = fetch(name)
        if raw is not None:
            found = parse(json.loads(raw))
            if found is None:
                return None
            chunks, options = found
            if (chunks[1], chunks[3]) != (shape[1], shape[3]):
                return None
            return Chunks(fetch, metadata=name, shape=shape, times=chunks[0], members=chunks[2], **options)
    return None


def _format_2(about: dict[str, Any]) -> tuple[list[int], dict[str, Any]] | None:
    compressor = about["compressor"]
    codec = compressor and compressor["id"]
    if about["filters"] or about["order"] != "C" or (codec and codec not in _CODECS):
        return None
    separator = about.get("dimension_separator", ".")
    return about["chunks"], {
        "prefix": "data/",
        "separator": separator,
        "dtype": np.dtype(about["dtype"]),
        "codec": _codec(codec),
        "fill": math.nan if about["fill_value"] is None else float(about["fill_value"]),
    }


def _format_3(about: dict[str, Any]) -> tuple[list[int], dict[str, Any]] | None:
    names = [codec["name"] for codec in about["codecs"]]
    grid, keys = about["chunk_grid"], about["chunk_key_encoding"]
    little = about["codecs"][0].get("configuration", {}).get("endian", "little") == "little"
    plain = names[0] == "bytes" and little and len(names) <= 2 and set(names[1:]) <= _CODECS
    if (
        not plain
        or grid["name"] != "regular"
        or keys["name"] != "default"
        or about.get("storage_transformers")
    ):
        return None
    separator = keys.get("configuration", {}).get("separator", "/")
    return grid["configuration"]["chunk_shape"], {
        "prefix": f"data/c{separator}",
        "separator": separator,
        "dtype": np.dtype(about["data_type"]),
        "codec": _codec(names[1] if names[1:] else None),
        "fill": float(about["fill_value"]),
    }


def _codec(name: str | None) -> Any:
    if name is None:
        return None
    from numcodecs import get_codec

    return get_codec({"id": name})
