"""A copy of all that a server keeps, made while it serves, and a server made of one.

A copy is a directory: ``backup.json``, which lists the other files with their sizes and digests;
``server.sqlite``; ``models``; ``work``, of jobs that have ended; and ``results``, with their manifests.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from anemoi.core.errors import DataError, RequestError, ResourceError
from anemoi.core.files import appearing, remove
from sqlalchemy.engine import make_url

from ..records import ENDED
from ..results.shelf import FILES, MANIFEST
from ..settings import Settings

INDEX: Final = "backup.json"
DATABASE: Final = "server.sqlite"
FORMAT: Final = 1


@dataclass
class Copied:
    """What a copy holds.

    Parameters
    ----------
    database
        Whether it holds the database: only a file can be copied.
    files
        The files, each ``path``, ``size`` and ``sha256``, other than those of results.
    results
        The digests of the results.
    damaged
        What is wrong with results that are not in it.
    """

    database: bool = True
    files: list[dict[str, Any]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def backup(settings: Settings, destination: Path) -> Copied:
    """Copy what a server keeps; it may go on meanwhile.

    The database comes first: a result is on the shelf before a job says so, so that none is missed. Sessions
    of browsers are not copied, nor the directories of jobs that have not ended: those begin anew.

    Parameters
    ----------
    settings
        Of the server.
    destination
        The directory of the copy, which is made: whole, or not at all.

    Raises
    ------
    RequestError
        If it is there already, or there is no such server.
    ResourceError
        If it cannot be written.
    """
    _check_new(destination)
    url, place = make_url(settings.database_url), settings.place
    ended: set[str] | None = None
    copied = Copied(database=url.get_backend_name() == "sqlite")
    if not (place / "models").is_dir():
        raise RequestError(f"{place} is no data directory of a server.", fix="Name it: --data DIR.")
    with _written(destination) as partial:
        if copied.database:
            snapshot = partial / f".{DATABASE}"
            ended = _copy_database(Path(url.database or ""), snapshot)
            copied.files.append(_copy(snapshot, partial, Path(DATABASE)))
            snapshot.unlink()
        for path in (*_files(place / "models"), *_of_ended_jobs(place / "work", ended)):
            with suppress(FileNotFoundError):  # removed meanwhile
                copied.files.append(_copy(path, partial, path.relative_to(place)))
        for result in sorted(each for each in (place / "results").iterdir() if each.name[0] != "."):
            _back_up_result(result, partial / "results", copied)
        index = {
            "format": FORMAT,
            "version": version("anemoi-plugin-server"),
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            **{key: value for key, value in vars(copied).items() if key != "damaged"},
        }
        (partial / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
    return copied


def restore(source: Path, directory: Path) -> Copied:
    """Make a data directory of a copy, whose every file is checked first.

    Raises
    ------
    RequestError
        If ``source`` is no copy, or ``directory`` holds anything.
    DataError
        If the copy is damaged.
    ResourceError
        If it cannot be written.
    """
    _check_new(directory)
    try:
        index = json.loads((source / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{source} is no backup of a server.", fix=f"One has a {INDEX}.") from error
    if index["format"] != FORMAT:
        raise RequestError(
            f"The backup {source} has format {index['format']}.",
            fix=f"Restore it with version {index['version']}.",
        )
    copied = Copied(database=index["database"], files=index["files"], results=index["results"])
    with _written(directory) as partial:
        for name in ("models", "work", "results"):
            (partial / name).mkdir(parents=True)
        for expected in copied.files:
            path = _inside(source, expected["path"])
            if _copy(path, partial, Path(expected["path"])) != expected:
                raise _damaged(path)
        for digest in copied.results:
            _copy_result(_inside(source / "results", digest), partial / "results" / digest)
    return copied


def _check_new(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise RequestError(f"{directory} is there already.", fix="Name a directory that is not, or is empty.")


@contextmanager
def _written(directory: Path) -> Iterator[Path]:
    """A directory that appears whole, and that its owner alone may read."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with appearing(directory) as partial:
            partial.mkdir(mode=0o700)
            yield partial
    except FileNotFoundError as error:
        raise DataError(f"{error.filename} is missing.", fix="Take another backup.") from error
    except OSError as error:
        raise ResourceError.kind(error)(
            f"{directory} cannot be written: {error.strerror}.", fix="Make room, or name another place."
        ) from error


def _copy_database(source: Path, target: Path) -> set[str]:
    """Copy a file of SQLite as it is at one moment, without sessions; and give the jobs that have ended."""
    states = ", ".join(f"'{state.value}'" for state in ENDED)
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            for table in ("sessions", "logins", "leases"):
                new.execute(f"DELETE FROM {table}")
            new.commit()
            new.execute("PRAGMA journal_mode=DELETE")  # one file
            return {row[0] for row in new.execute(f"SELECT id FROM jobs WHERE state IN ({states})")}
    except sqlite3.Error as error:
        raise ResourceError(
            f"The database {source} cannot be copied: {error}.", fix="See that it is whole, and make room."
        ) from error


def _files(directory: Path) -> Iterator[Path]:
    """The files below a directory; no links, which could lead anywhere, and none half-written."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.endswith(".partial"):
            yield path


def _of_ended_jobs(work: Path, ended: set[str] | None) -> Iterator[Path]:
    for directory in sorted(work.iterdir()):
        if ended is None or directory.name in ended:
            yield from _files(directory)


def _back_up_result(source: Path, results: Path, copied: Copied) -> None:
    """Copy a result, unless it is damaged or has just been removed."""
    try:
        _copy_result(source, results / source.name)
        copied.results.append(source.name)
    except (FileNotFoundError, DataError) as error:
        remove(results / source.name)
        if isinstance(error, DataError):
            copied.damaged.append(error.what)


def _copy_result(source: Path, target: Path) -> None:
    """Copy a result, and check it against its manifest."""
    manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
    for expected in manifest["files"]:
        path = _inside(source / FILES, expected["path"])
        if _copy(path, target / FILES, Path(expected["path"])) != _facts(expected):
            raise _damaged(path)
    _copy(source / MANIFEST, target, Path(MANIFEST))


def _copy(source: Path, target: Path, name: Path) -> dict[str, Any]:
    """Copy a file to ``target / name``, and give its ``path``, ``size`` and ``sha256``."""
    path = target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as reading, path.open("xb") as writing:
        while part := reading.read(1 << 20):
            writing.write(part)
            digest.update(part)
    return {"path": name.as_posix(), "size": path.stat().st_size, "sha256": digest.hexdigest()}


def _facts(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in ("path", "size", "sha256")}


def _inside(root: Path, name: str) -> Path:
    """A file of a copy by the name that the copy gives it, which leads nowhere else."""
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts or path.is_symlink():
        raise DataError(f"{root} names {name!r}, which is none of its files.", fix="Take another backup.")
    return path


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path} is damaged: its digest is not the one recorded.",
        fix="Take another backup, or remove its job.",
    )
