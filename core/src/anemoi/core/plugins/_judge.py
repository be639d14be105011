"""Judge from metadata whether what a distribution requires holds here."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from ._find import InstalledDistribution
from ._kinds import normalise
from ._metadata import Metadata, distribution_called, read_metadata


@dataclass(frozen=True)
class Unmet:
    """A requirement that does not hold.

    Parameters
    ----------
    requirement
        As the distribution writes it.
    reason
        Why it does not hold, with what is installed.
    fix
        The command that mends it.
    """

    requirement: str
    reason: str
    fix: str


class Judge:
    """Judges distributions against what is installed, reading each version and judging each of them once."""

    def __init__(self) -> None:
        self._installed: dict[str, Metadata | None] = {}
        self._unmet: dict[tuple[str, frozenset[str]], tuple[Unmet, ...]] = {}

    def unmet(
        self, installed: InstalledDistribution, extras: frozenset[str] = frozenset()
    ) -> tuple[Unmet, ...]:
        """The direct requirements of a distribution, with ``extras`` of its own, that do not hold here."""
        key = installed.name, extras
        if key not in self._unmet:
            self._unmet[key] = self._judged(installed, extras)
        return self._unmet[key]

    def _judged(self, installed: InstalledDistribution, extras: frozenset[str]) -> tuple[Unmet, ...]:
        metadata = installed.metadata
        if metadata is None:
            reason = "its METADATA is missing or unreadable, so nobody can tell what it requires"
            return (Unmet("METADATA", reason, f"pip install --force-reinstall {installed.name}"),)
        faults = []
        if not _is_version(metadata.version):
            reason = f"its own version {metadata.version!r} is not a version"
            mend = f"pip install --upgrade --force-reinstall {installed.name}"
            faults.append(Unmet("Version", reason, mend))
        if fault := _python_fault(metadata):
            faults.append(fault)
        judged = (self._fault(installed.name, line, extras) for line in metadata.requires)
        return (*faults, *filter(None, judged))

    def why_met(self, line: str, extras: frozenset[str] = frozenset()) -> str:
        """What meets a ``Requires-Dist`` line with which nothing is wrong, or why nothing need meet it."""
        requirement = Requirement(line)
        if not _applies(requirement, extras):
            return f"not needed here, where {requirement.marker} is not so"
        found = self._find(requirement.name)
        return f"holds, {found.version} is installed" if found else "holds"

    def _fault(self, owner: str, line: str, extras: frozenset[str]) -> Unmet | None:
        """What is wrong with one ``Requires-Dist`` line of ``owner``."""
        upgrade = f"pip install --upgrade {owner}"
        try:
            requirement = Requirement(line)
            if not _applies(requirement, extras):
                return None
        except Exception as error:  # InvalidRequirement, or a marker that has no value here.
            reason = f"its requirement {line!r} is not a valid one ({_first_line(error)})"
            return Unmet(line, reason, upgrade)
        found = self._find(requirement.name)
        wanted = f"{requirement.name}{requirement.specifier}"
        of_core = normalise(requirement.name) == "anemoi-core"
        mend = upgrade if of_core else f"pip install '{wanted}'"
        if found is None:
            return Unmet(line, f"requires {wanted}, which is not installed", mend)
        if not requirement.specifier:
            return self._extras_fault(owner, requirement, line, found)
        version = found.version
        if not _is_version(version):
            return Unmet(line, f"requires {wanted}, but {version!r} is here", mend)
        # What is installed is meant to be: a pre-release counts like any other.
        if not requirement.specifier.contains(version, prereleases=True):
            return Unmet(line, f"requires {wanted}, but {version} is installed", mend)
        return self._extras_fault(owner, requirement, line, found)

    def _extras_fault(self, owner: str, requirement: Requirement, line: str, found: Metadata) -> Unmet | None:
        """What is missing of the extras in ``name[extra]``; not followed further."""
        if not requirement.extras:
            return None
        extras = frozenset(requirement.extras)
        for inner in found.requires:
            try:
                needed = Requirement(inner)
                if _applies(needed, frozenset()) or not _applies(needed, extras):
                    continue
            except (InvalidRequirement, ValueError):
                continue
            other = self._find(needed.name)
            version = "" if other is None else other.version
            if not _is_version(version) or not needed.specifier.contains(version, prereleases=True):
                wanted = f"{requirement.name}[{','.join(sorted(extras))}]"
                reason = f"requires {wanted}, which needs {needed.name}{needed.specifier}: " + (
                    f"{version} is installed" if version else "it is not installed"
                )
                return Unmet(line, reason, f"pip install '{wanted}'")
        return None

    def _find(self, name: str) -> Metadata | None:
        if (key := normalise(name)) not in self._installed:
            found = distribution_called(name)
            unknown = Metadata(name, "", (), "", "")
            self._installed[key] = None if found is None else read_metadata(found) or unknown
        return self._installed[key]


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _python_fault(metadata: Metadata) -> Unmet | None:
    here = platform.python_version()
    mend = f"pip install --upgrade {metadata.name}"
    try:
        wanted = SpecifierSet(metadata.requires_python)
    except InvalidSpecifier:
        reason = f"its Requires-Python {metadata.requires_python!r} is not a valid specifier"
        return Unmet("Requires-Python", reason, mend)
    if wanted.contains(here.rstrip("+"), prereleases=True):
        return None
    return Unmet("Requires-Python", f"requires Python {metadata.requires_python}, but this is {here}", mend)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
