"""The file that a checkpoint is: named tensors and one JSON document, in safetensors, with a content hash.

docs/checkpoint.md describes it for readers who do not have this code.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError
from ..files import write_whole
from .contents import SIZES, Contents, Stored
from .document import check_document
from .migrations import migrate

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = "anemoi-checkpoint"
FORMAT_VERSION = 2
WEIGHTS = "weights/"  # what the names of the model's own tensors begin with

_LENGTH = 8  # bytes of the little-endian integer that a safetensors file begins with: the size of its header
_MAX_HEADER = 100_000_000  # the limit of the safetensors format


@dataclass(frozen=True)
class Entry:
    """One tensor in the file: its safetensors type (``F32``), its shape, and where its bytes lie."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def write(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> str:
    """Write a file, whole or not at all, replacing what was there; the same contents give the same bytes.

    Returns
    -------
    str
        The identity of the contents.

    Raises
    ------
    CheckpointError
        If the document is not JSON, or the file cannot be written.
    """
    import safetensors.torch

    try:
        # Its keys stay in order, which means something: of transforms, of domains.
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"What the checkpoint {path} should say is not JSON: {error}") from error
    # Copies, because weights may share memory with one another, which safetensors refuses.
    packed = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    )
    header, start = _split(packed)
    entries = _entries(header, start)
    identity = _identity(FORMAT_VERSION, text, entries, packed)
    metadata = {
        "document": text,
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "identity": identity,
    }
    encoded = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % _LENGTH)  # safetensors aligns the data to 8 bytes
    if len(encoded) > _MAX_HEADER:
        raise CheckpointError(f"What the checkpoint {path} should say is too long: {len(encoded)} bytes.")
    length, data = len(encoded).to_bytes(_LENGTH, "little"), memoryview(packed)[start:]
    try:
        write_whole(path, length, encoded, data, durable=True)
    except OSError as error:
        raise CheckpointError(
            f"{path} cannot be written: {error.strerror or error}.",
            fix=f"Check that the directory {path.parent} exists, can be written and has room.",
        ) from error
    return identity


def read(path: Path) -> Contents:
    """Read a file, verify it against its content hash, and bring it to the newest format. Imports no torch.

    Raises
    ------
    CheckpointError
        If there is no such file, it is not an Anemoi checkpoint, it is of a newer format, or it is damaged.
    """
    data = _read_bytes(path)
    try:
        header, start = _split(data)
        metadata = header.pop("__metadata__", {})
    except (ValueError, AttributeError):
        raise _foreign(path, data) from None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} is a safetensors file, but not an Anemoi checkpoint.",
            fix="Give a checkpoint that `anemoi train` wrote.",
        )
    version = str(metadata.get("format_version"))
    if not version.isdecimal():
        raise _damaged(path, "its header has no format version")
    if not 1 <= int(version) <= FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has checkpoint format {version}, but this anemoi-core reads formats up to "
            f"{FORMAT_VERSION}.",
            fix="Install the anemoi-core that wrote it, or a newer one: pip install --upgrade anemoi-core",
        )
    try:
        entries = _entries(header, start)
        text, identity = str(metadata["document"]), str(metadata["identity"])
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, "its header is not whole") from None
    if (expected := max((entry.end for entry in entries.values()), default=start)) != len(data):
        raise _damaged(path, f"it should have {expected} bytes, but has {len(data)}")
    if _identity(int(version), text, entries, data) != identity:
        raise _damaged(path, "its contents do not match its content hash")
    try:
        document = _parse(text)
    except ValueError:
        raise _damaged(path, "its document is not JSON") from None
    view = memoryview(data)
    stored = {
        name: Stored(entry.dtype, entry.shape, view[entry.begin : entry.end])
        for name, entry in entries.items()
    }
    try:
        document, tensors = migrate(int(version), document, stored)
        check_document(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_as_its_format(path, error) from error
    return Contents(path, len(data), int(version), identity, document, tensors)


def not_as_its_format(path: Path, error: Exception) -> CheckpointError:
    """The error for a whole file that does not hold what its format asks for."""
    # A KeyError is the bare name of what is absent.
    fault = f"{type(error).__name__}: {error}" if isinstance(error, KeyError) else str(error)
    return CheckpointError(
        f"The checkpoint {path} does not hold what its format asks for: {fault}",
        fix="Ask who made it: it was not written by `anemoi train`.",
    )


def _identity(version: int, text: str, entries: Mapping[str, Entry], data: bytes) -> str:
    # A list such as sha256sum prints, hashed in its turn, so that anyone can repeat it.
    view = memoryview(data)
    lines = [f"{FORMAT} {version}", f"{hashlib.sha256(text.encode()).hexdigest()} document"]
    for name, entry in sorted(entries.items()):
        digest = hashlib.sha256(view[entry.begin : entry.end]).hexdigest()
        shape = ",".join(map(str, entry.shape))
        lines.append(f"{digest} {entry.dtype} [{shape}] {json.dumps(name)}")
    return "sha256:" + hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _split(data: bytes) -> tuple[dict[str, Any], int]:
    """Find the header, and where the data after it begins; ValueError if there is no such thing."""
    length = int.from_bytes(data[:_LENGTH], "little")
    start = _LENGTH + length
    if len(data) < _LENGTH or length > _MAX_HEADER or start > len(data):
        raise ValueError("no header")
    header = _parse(data[_LENGTH:start])
    if not isinstance(header, dict):
        raise ValueError("no header")
    return header, start


def _parse(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except RecursionError:  # brackets without end, which only malice writes
        raise ValueError("nested too deeply") from None


def _entries(header: Mapping[str, Any], start: int) -> dict[str, Entry]:
    """Find where each tensor lies; ValueError, KeyError or TypeError unless they fill the file."""
    entries = {}
    for name, value in header.items():
        begin, end = value["data_offsets"]
        shape = tuple(int(size) for size in value["shape"])
        entries[name] = Entry(str(value["dtype"]), shape, start + int(begin), start + int(end))
    for name, entry in entries.items():
        if (
            min(entry.shape, default=0) < 0
            or math.prod(entry.shape) * SIZES[entry.dtype] != entry.end - entry.begin
        ):
            raise ValueError(f"the tensor {name} does not have as many bytes as its shape says")
    place = start
    for entry in sorted(entries.values(), key=lambda entry: (entry.begin, entry.end)):
        if entry.begin != place or entry.end < entry.begin:
            raise ValueError("tensors overlap, or leave a gap")
        place = entry.end
    return entries


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            f"There is no checkpoint {path}.", fix="Check the path, or train one: anemoi train"
        ) from None
    except IsADirectoryError:
        raise CheckpointError(
            f"{path} is a directory, not a checkpoint.", fix="Name the file in it."
        ) from None
    except OSError as error:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {error.strerror or error}.") from error
    if not data:
        raise CheckpointError(
            f"The checkpoint {path} is empty.", fix="Copy it again, or train again: anemoi train"
        )
    return data


def _foreign(path: Path, data: bytes) -> CheckpointError:
    if data.startswith((b"PK\x03\x04", b"\x80")):
        return CheckpointError(
            f"{path} is a pickle or an archive (PyTorch, Lightning), not an Anemoi checkpoint; "
            "opening one can run any code, so it was not opened.",
            fix="Give a checkpoint that `anemoi train` wrote.",
        )
    length = int.from_bytes(data[:_LENGTH], "little")
    if data[_LENGTH : _LENGTH + 1] == b"{" and len(data) < _LENGTH + length <= _LENGTH + _MAX_HEADER:
        return _damaged(path, "it ends within its header")
    return CheckpointError(
        f"{path} is not an Anemoi checkpoint.", fix="Give a checkpoint that `anemoi train` wrote."
    )


def _damaged(path: Path, how: str) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint {path} is damaged or was altered: {how}.",
        fix="Copy it again from where it was made.",
    )
