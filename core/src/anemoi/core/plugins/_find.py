"""Read from metadata which installed distributions offer components. Nothing is imported."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import importlib_metadata

from ._kinds import PREFIX, normalise

_OBJECT = re.compile(
    r"(?P<module>\w+(\.\w+)*)\s*(:\s*(?P<attribute>\w+(\.\w+)*)\s*)?(\[(?P<extras>[^\[\]]*)\]\s*)?"
)
"""A reference to an object, as the specification of entry points has it: ``module:attribute [extras]``."""


@dataclass(frozen=True)
class EntryPoint:
    """One line of an ``entry_points.txt``: ``name = value`` under ``[group]``."""

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
class Offering:
    """An installed distribution that offers components.

    Parameters
    ----------
    name, version
        As its metadata spell them; without metadata the name of its folder, and no version.
    requires
        Its ``Requires-Dist`` lines, or None without metadata.
    requires_python
        The Python versions that it is for, as a specifier; may be empty.
    summary
        What it is, in one line; may be empty.
    entry_points
        What it offers to Anemoi.
    fault
        Why ``entry_points`` could not be read, if so.
    """

    name: str
    version: str
    requires: tuple[str, ...] | None
    requires_python: str
    summary: str
    entry_points: tuple[EntryPoint, ...]
    fault: str = ""


def offerings() -> tuple[Offering, ...]:
    """Every installed distribution with an entry point in a group of Anemoi's, in order of name."""
    return _offerings(tuple(sys.path))


@lru_cache(maxsize=4)
def _offerings(_path: tuple[str, ...]) -> tuple[Offering, ...]:
    found = {
        normalise(_name(distribution)): distribution
        for distribution in importlib_metadata.Distribution.discover()
        if f"[{PREFIX}" in _entry_points_text(distribution)
    }
    read = (_read(_in_force(found[name])) for name in sorted(found))
    return tuple(offering for offering in read if offering.entry_points or offering.fault)


def _in_force(found: importlib_metadata.Distribution) -> importlib_metadata.Distribution:
    """Of the distributions that have its name, the one that Python itself would import."""
    try:
        first: importlib_metadata.Distribution = importlib_metadata.Distribution.from_name(_name(found))
    except importlib_metadata.PackageNotFoundError:  # Its folder has another name than its metadata.
        return found
    return first


def _entry_points_text(found: importlib_metadata.Distribution) -> str:
    try:
        return found.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _name(found: importlib_metadata.Distribution) -> str:
    """Its name; without metadata, what the name of its folder says."""
    try:
        name = found.metadata["Name"]
    except Exception:  # Absent or unreadable metadata raise differently in each version of the library.
        name = None
    return name or normalise(Path(str(getattr(found, "_path", "unknown"))).name.partition("-")[0])


def _read(found: importlib_metadata.Distribution) -> Offering:
    try:
        metadata = found.metadata
        known = metadata is not None and "Name" in metadata
    except Exception:
        known = False
    fault = ""
    try:
        points = tuple(
            EntryPoint(point.group, point.name, point.value)
            for point in found.entry_points
            if point.group.startswith(PREFIX)
        )
    except Exception as error:  # Any line that is not `name = value` spoils the whole file.
        points, fault = (), f"its entry_points.txt cannot be read ({error})"
    return Offering(
        name=_name(found),
        version=(metadata.get("Version") or "") if known else "",
        requires=tuple(metadata.get_all("Requires-Dist") or ()) if known else None,
        requires_python=(metadata.get("Requires-Python") or "") if known else "",
        summary=(metadata.get("Summary") or "") if known else "",
        entry_points=points,
        fault=fault,
    )
