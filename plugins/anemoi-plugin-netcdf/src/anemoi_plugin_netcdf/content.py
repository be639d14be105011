"""What a file holds, as a hash that can be computed while it is written, and anew from the file."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OWN = {"provenance", "history", "NCO", "CDO"}
"""Attributes of the file that say how it was made, not what it holds."""


class Content:
    """Takes the values of each variable in order of time, then of level, and knows the hash of them all."""

    def __init__(self) -> None:
        self._digests: dict[str, Any] = {}

    def add(self, name: str, values: NDArray[Any]) -> None:
        """Take the next values of a variable."""
        digest = self._digests.setdefault(name, hashlib.sha256())
        digest.update(np.ascontiguousarray(values).tobytes())

    def identity(self, file: Any) -> str:
        """The hash of the values that were taken, and of the coordinates and attributes in the file."""
        for name, variable in file.variables.items():
            if name not in self._digests:
                self.add(name, np.asarray(variable[...]))
        about = {
            name: {"values": digest.hexdigest(), **_attributes(file.variables[name])}
            for name, digest in self._digests.items()
        }
        whole = {"variables": about, **_attributes(file)}
        return f"sha256:{hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()}"


def content_of(file: Any) -> str:
    """Read all that a file holds, and give its hash."""
    content = Content()
    for name, variable in file.variables.items():
        if variable.dimensions[:1] == ("realization",) and len(variable.dimensions) > 2:
            on_levels = "short_name" in variable.attrs and _is_level(file, variable.dimensions[2])
            for step in range(variable.shape[1]):
                for where in (
                    ((step, level) for level in range(variable.shape[2])) if on_levels else ((step,),)
                ):
                    content.add(name, variable[(slice(None), *where)])
    return content.identity(file)


def _is_level(file: Any, dimension: str) -> bool:
    # Those of files from before there were types of levels are pressures.
    coordinate = file.variables.get(dimension)
    return coordinate is not None and ("level_type" in coordinate.attrs or dimension.startswith("pressure"))


def _attributes(described: Any) -> dict[str, dict[str, str]]:
    known = {name: _text(value) for name, value in described.attrs.items() if name not in _OWN}
    return {"attributes": known}


def _text(value: Any) -> str:
    # The C library writes texts of one character in another way.
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
