"""Read from metadata which installed distributions offer components. Nothing is imported."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import importlib_metadata

from ._kinds import PREFIX, normalise
from ._metadata import Metadata, distribution_called, read_metadata, shown

_OBJECT = re.compile(
    r"(?P<module>\w+(\.\w+)*)\s*(:\s*(?P<attribute>\w+(\.\w+)*)\s*)?(\[(?P<extras>[^\[\]]*)\]\s*)?"
)
"""A reference to an object, as the specification of entry points has it: ``module:attribute [extras]``."""


@dataclass(frozen=True)
class EntryPoint:
    """One line of an ``entry_points.txt``: ``name = value`` under ``[group]``, as it may be shown."""

    group: str
    name: str
    value: str

    def parts(self) -> tuple[str, str, frozenset[str]] | None:
        """The module, the attribute (may be empty) and the extras in ``value``; None if it is malformed."""
        if not (match := _OBJECT.fullmatch(self.value)):
            return None
        extras = frozenset(filter(None, (extra.strip() for extra in (match["extras"] or "").split(","))))
        return match["module"], match["attribute"] or "", extras


@dataclass(frozen=True)
class InstalledDistribution:
    """An installed distribution that offers components.

    Parameters
    ----------
    name
        As its metadata spell it; without metadata the name of its folder.
    metadata
        What they say, or None if there are none that can be read.
    entry_points
        What it offers to Anemoi.
    fault
        Why ``entry_points`` could not be read, if so.
    """

    name: str
    metadata: Metadata | None
    entry_points: tuple[EntryPoint, ...]
    fault: str = ""


def installed_distributions() -> tuple[InstalledDistribution, ...]:
    """Every installed distribution with an entry point in a group of Anemoi's, in order of name."""
    return _installed_distributions(tuple(sys.path))


@lru_cache(maxsize=4)
def _installed_distributions(_path: tuple[str, ...]) -> tuple[InstalledDistribution, ...]:
    names = {
        _name(distribution, read_metadata(distribution)): distribution
        for distribution in importlib_metadata.Distribution.discover()
        if f"[{PREFIX}" in _entry_points_text(distribution)[0]
    }
    found = {normalise(name): _in_force(name, distribution) for name, distribution in names.items()}
    read = (_read(found[name]) for name in sorted(found))
    return tuple(installed for installed in read if installed.entry_points or installed.fault)


def _entry_points_text(distribution: importlib_metadata.Distribution) -> tuple[str, str]:
    """What its entry_points.txt says, and what is wrong with that as a text; empty if nothing is."""
    try:
        return distribution.read_text("entry_points.txt") or "", ""
    except OSError:
        return "", ""
    except UnicodeDecodeError as error:
        return error.object.decode("utf-8", "replace"), f"byte {error.start} is not UTF-8"


def _name(distribution: importlib_metadata.Distribution, metadata: Metadata | None) -> str:
    """Its name; without metadata, what the name of its folder says."""
    if metadata:
        return metadata.name
    return normalise(Path(str(getattr(distribution, "_path", "unknown"))).name.partition("-")[0])


def _in_force(name: str, found: importlib_metadata.Distribution) -> importlib_metadata.Distribution:
    """Of the distributions that have a name, the one that Python itself would import."""
    return distribution_called(name) or found  # Its folder may have another name than its metadata.


def _read(distribution: importlib_metadata.Distribution) -> InstalledDistribution:
    metadata = read_metadata(distribution)
    points: tuple[EntryPoint, ...] = ()
    text, wrong = _entry_points_text(distribution)
    try:
        points = tuple(_points(text)) if not wrong else ()
    except ValueError as error:
        wrong = str(error)
    fault = f"its entry_points.txt cannot be read ({wrong})" if wrong else ""
    return InstalledDistribution(_name(distribution, metadata), metadata, points, fault)


def _points(text: str) -> Iterator[EntryPoint]:
    """The lines of an ``entry_points.txt`` that are Anemoi's.

    Not left to importlib_metadata: of one value that is malformed some of its versions make an
    error, which would hide all that the distribution offers besides.
    """
    group = ""
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group.startswith(PREFIX):
            name, equals, value = line.partition("=")
            if not equals or not name.strip():
                raise ValueError(f"line {number} is not of the form name = value")
            yield EntryPoint(shown(group), shown(name.strip()), shown(value.strip()))
