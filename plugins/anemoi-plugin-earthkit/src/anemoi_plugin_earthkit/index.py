"""The index of the fields of many files, which may be kept in a file so that files are looked into once."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.files import appearing
from numpy.typing import NDArray

from .fields import Described, Field, Format

Name = TypeVar("Name", str, Described)

_VERSION: Final = 5

ROW: Final = np.dtype(
    [
        ("file", "i4"),
        ("variable", "i4"),
        ("grid", "i4"),
        ("version", "i4"),
        ("member", "i4"),
        ("time", "M8[s]"),
        ("start", "M8[s]"),
        ("base", "M8[s]"),
        ("offset", "i8"),
        ("length", "i8"),
        ("fingerprint", "f8"),
    ]
)
"""A :class:`Field` whose file, variable, grid and version are positions in the lists of an index."""


@dataclass(frozen=True)
class Index:
    """The fields of some files.

    Parameters
    ----------
    files
        The files, each with its size in bytes and when it was changed, in ns.
    variables
        What is said of each variable; one of which two things are said is there twice.
    grids
        What tells the grids apart.
    versions
        The experiments that made the fields.
    rows
        The fields, ``(fields,)`` of :data:`ROW`, in the order of files and of fields within each.
    """

    files: tuple[tuple[str, int, int], ...]
    variables: tuple[Described, ...]
    grids: tuple[str, ...]
    versions: tuple[str, ...]
    rows: NDArray[Any]

    def path(self, row: int) -> Path:
        """The file that holds a field."""
        return Path(self.files[self.rows["file"][row]][0])

    def name(self, row: int) -> str:
        """The variable of a field."""
        return self.variables[int(self.rows["variable"][row])].name

    def grid(self, row: int) -> str:
        """What its file says of the grid of a field, in a word."""
        return self.grids[int(self.rows["grid"][row])].partition(" ")[0]

    def check_unchanged(self, file: int) -> None:
        """See that a file is as it was.

        Raises
        ------
        NotThereError
            If it is gone.
        DataError
            If it was changed.
        """
        path, size, changed = self.files[file]
        try:
            now = _state(Path(path))
        except OSError as error:
            raise NotThereError(
                f"{path} cannot be read any more: {error.strerror}.", fix="Bring it back, or start again."
            ) from error
        if now != (size, changed):
            raise DataError(
                f"{path} has changed since its fields were listed.", fix="Start again: it will be read anew."
            )


def make_index(files: list[Path], form: Format, kept: Path | None) -> Index:
    """List the fields of files, or take them from the index ``kept`` for the files that are as they were.

    Raises
    ------
    DataError
        If a file cannot be read, or ``kept`` is no index or cannot be written.
    """
    known = _load(kept, form.options) if kept is not None and kept.exists() else None
    recalled = {} if known is None else {entry: place for place, entry in enumerate(known.files)}
    variables: dict[Described, int] = {}
    grids: dict[str, int] = {}
    versions: dict[str, int] = {}
    entries, blocks = [], []
    for place, path in enumerate(files):
        try:
            entry = (str(path.absolute()), *_state(path))
            if known is not None and entry in recalled:
                rows = _recalled(known, recalled[entry], variables, grids, versions)
            else:
                rows = _listed(form.scan(path), variables, grids, versions)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read: {error.strerror or error}.",
                fix="Check the file and its permissions.",
            ) from error
        rows["file"] = place
        entries.append(entry)
        blocks.append(rows)
    made = Index(tuple(entries), tuple(variables), tuple(grids), tuple(versions), np.concatenate(blocks))
    if kept is not None and (known is None or known.files != made.files):
        _save(made, kept, form.options)
    return made


def _state(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _listed(
    fields: Iterable[Field], variables: dict[Described, int], grids: dict[str, int], versions: dict[str, int]
) -> NDArray[Any]:
    def row(field: Field) -> tuple[Any, ...]:
        variable = variables.setdefault(field.variable, len(variables))
        grid = grids.setdefault(field.grid, len(grids))
        version = versions.setdefault(field.version, len(versions))
        return (0, variable, grid, version, *field[3:])

    return np.array([row(field) for field in fields], dtype=ROW)


def _recalled(
    known: Index,
    place: int,
    variables: dict[Described, int],
    grids: dict[str, int],
    versions: dict[str, int],
) -> NDArray[Any]:
    rows: NDArray[Any] = known.rows[known.rows["file"] == place]
    _rename(rows, "variable", known.variables, variables)
    _rename(rows, "grid", known.grids, grids)
    _rename(rows, "version", known.versions, versions)
    return rows


def _rename(rows: NDArray[Any], column: str, names: Sequence[Name], table: dict[Name, int]) -> None:
    """Turn positions in ``names`` into those in ``table``, which takes in what it has not yet."""
    old, inverse = np.unique(rows[column], return_inverse=True)
    new = [table.setdefault(names[int(i)], len(table)) for i in old]
    rows[column] = np.array(new, dtype="i4")[inverse]


def _load(kept: Path, options: str) -> Index | None:
    """Read an index; None for one of another version, or of fields listed with other options."""
    try:
        with np.load(kept, allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            if (about["version"], about.get("options")) != (_VERSION, options):
                return None
            return Index(
                tuple((path, size, changed) for path, size, changed in about["files"]),
                tuple(Described(*each) for each in about["variables"]),
                tuple(about["grids"]),
                tuple(about["versions"]),
                file["rows"],
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{kept} is no index of fields: {error}.",
            fix="If it is a damaged one, remove it: it will be made anew. "
            "Otherwise give another path: index=PATH",
        ) from error


def _save(index: Index, kept: Path, options: str) -> None:
    about = {
        "version": _VERSION,
        "options": options,
        "files": index.files,
        "variables": index.variables,
        "grids": index.grids,
        "versions": index.versions,
    }
    try:
        with appearing(kept) as partial, partial.open("xb") as file:
            np.savez(file, about=np.array(json.dumps(about)), rows=index.rows)
    except OSError as error:
        raise DataError(
            f"The index {kept} cannot be written: {error.strerror or error}.",
            fix="Give a path that can be written: index=PATH",
        ) from error
