"""Wheels of core and plugins: what they say of themselves, and which of them need which."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

IGNORED = ("__pycache__", "*.egg-info", ".git", ".venv*", "build", "dist", ".*_cache", "*.pyc")


@dataclass(frozen=True)
class Wheel:
    """A built distribution.

    Parameters
    ----------
    path
        The file.
    source
        The folder that it was built from, whose tests are run; None for a release that has no sdist.
    origin
        Where that is: a commit, a release on an index, a folder.
    from_index
        Whether the file itself is on an index.
    """

    path: Path
    source: Path | None
    origin: str = ""
    from_index: bool = False

    @functools.cached_property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    @functools.cached_property
    def metadata(self) -> Message:
        """Its core metadata."""
        return Parser().parsestr(self._read("METADATA"))

    @functools.cached_property
    def name(self) -> str:
        """Of the distribution, normalised."""
        return canonicalize_name(str(self.metadata["Name"]))

    @property
    def version(self) -> str:
        """Of the distribution."""
        return str(self.metadata["Version"])

    @functools.cached_property
    def requirements(self) -> tuple[Requirement, ...]:
        """Its ``Requires-Dist``, with markers."""
        return tuple(Requirement(each) for each in self.metadata.get_all("Requires-Dist") or [])

    @property
    def requires_python(self) -> str:
        """The Pythons it is for, as a specifier."""
        return str(self.metadata["Requires-Python"] or "")

    @property
    def extras(self) -> frozenset[str]:
        """The names of its extras."""
        return frozenset(self.metadata.get_all("Provides-Extra") or [])

    def brought_by(self, extra: str) -> set[str]:
        """The distributions that it requires with one of its extras."""
        return {
            canonicalize_name(each.name)
            for each in self.requirements
            if each.marker is not None and each.marker.evaluate({"extra": extra})
        }

    def fits(self, other: Wheel) -> bool:
        """Whether ``other`` meets what it requires of it."""
        return all(
            each.specifier.contains(other.version, prereleases=True)
            for each in self.requirements
            if each.marker is None and canonicalize_name(each.name) == other.name
        )

    @functools.cached_property
    def entry_points(self) -> Mapping[str, Mapping[str, str]]:
        """By group and name the objects that it offers."""
        parser = ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(self._read("entry_points.txt"))
        return {group: dict(parser[group]) for group in parser.sections()}

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that its entry points name, without those that ask for an extra of it."""
        values = [value for points in self.entry_points.values() for value in points.values()]
        return tuple(sorted({value.partition(":")[0].strip() for value in values if "[" not in value}))

    def _read(self, file: str) -> str:
        with zipfile.ZipFile(self.path) as archive:
            found = [name for name in archive.namelist() if name.endswith(f".dist-info/{file}")]
            return archive.read(found[0]).decode() if found else ""


def needs(wheels: Mapping[str, Wheel], *, tests: bool = True) -> dict[str, frozenset[str]]:
    """For each wheel those of the others that it requires, directly or not, its tests included or not."""
    direct = {
        name: {
            *(canonicalize_name(each.name) for each in wheel.requirements if each.marker is None),
            *(wheel.brought_by("test") if tests else ()),
        }
        & set(wheels)
        for name, wheel in wheels.items()
    }

    def closure(name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        for each in direct[name] - seen:
            seen = closure(each, seen | {each})
        return seen

    return {name: closure(name) - {name} for name in wheels}


def tree_hash(tree: Path) -> str:
    """Of all that a wheel and its tests can depend on: the files, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(_files(tree)):
        digest.update(json.dumps(str(path.relative_to(tree))).encode())
        content = path.read_bytes() if path.exists() else os.readlink(path).encode()  # a link to nowhere
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def folders(tree: Path) -> list[Path]:
    """Those that its files are in: itself, and those that symbolic links in it lead to."""
    links = [Path(base, name) for base, names, _ in os.walk(tree) for name in names]
    return [tree.resolve(), *(link.resolve() for link in links if link.is_symlink())]


def _files(tree: Path) -> list[Path]:
    ignore = shutil.ignore_patterns(*IGNORED)
    found: list[Path] = []
    for path in tree.iterdir():
        if path.name in ignore(str(tree), [path.name]):
            continue
        found.extend(_files(path) if path.is_dir() else [path])
    return found
