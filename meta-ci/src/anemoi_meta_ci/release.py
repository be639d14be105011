"""What is to be released, in which order, with which versions."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from .errors import MetaCIError

KINDS = ("breaking", "feature", "fix")
_FRAGMENT = re.compile(r"^(?P<name>[\w.+-]+)\.(?P<kind>[a-z]+)\.md$")


def fragments(folder: Path) -> list[tuple[str, str]]:
    """The kind and the text of each changelog fragment of a distribution, ``changes/NAME.KIND.md``.

    Raises
    ------
    MetaCIError
        If one is of no kind that is known.
    """
    found = []
    for path in sorted((folder / "changes").glob("*.md")):
        if path.name == "README.md":
            continue
        match = _FRAGMENT.match(path.name)
        if match is None or match["kind"] not in KINDS:
            raise MetaCIError(
                f"{path} is no changelog fragment.",
                fix=f"Name it NAME.KIND.md, KIND one of {', '.join(KINDS)}.",
            )
        found.append((match["kind"], path.read_text(encoding="utf-8").strip()))
    return sorted(found, key=lambda each: KINDS.index(each[0]))


def bump(released: str | None, version: str, kinds: Sequence[str]) -> str:
    """The version that follows, by the kinds of changes.

    Before 1.0 a breaking change raises the minor version and any other the patch, as semantic
    versioning has it for what is not stable yet. What was never released keeps the version it has.
    """
    if released is None:
        return version
    major, minor, patch = Version(released).release[:3]
    if "breaking" in kinds:
        return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
    if "feature" in kinds and major:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


@dataclass(frozen=True)
class State:
    """A distribution before a release.

    Parameters
    ----------
    name
        Of the distribution.
    version
        In its ``pyproject.toml``.
    released
        The newest version with a tag, if any.
    kinds
        Of its changelog fragments.
    requires, extras
        What it requires, always and with an extra.
    """

    name: str
    version: str
    released: str | None = None
    kinds: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    extras: tuple[Requirement, ...] = ()


def versions(states: Sequence[State]) -> dict[str, str]:
    """The version that each distribution to be released becomes, a distribution after what it requires.

    A distribution is released if it has fragments, a version without a tag, or a requirement that a new
    version of another does not meet. A requirement that moves to another line is a breaking change, one of an
    extra a fix.

    Raises
    ------
    MetaCIError
        If a version contradicts the fragments, or distributions require each other.
    """
    follows = {state.name: state.version for state in states}
    while True:
        before = dict(follows)
        for state in states:
            kinds = list(state.kinds)
            kinds += ["breaking"] * any(moves(each, before) for each in state.requires)
            kinds += ["fix"] * any(moves(each, before) for each in state.extras)
            follows[state.name] = _following(state, kinds)
        if follows == before:
            break
    needs = {
        state.name: sorted({canonicalize_name(each.name) for each in state.requires} & set(follows))
        for state in states
    }
    try:
        order = tuple(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        raise MetaCIError(f"These require each other: {', '.join(error.args[1])}.") from None
    released = {state.name: state.released for state in states}
    return {name: follows[name] for name in order if follows[name] != released[name]}


def moves(requirement: Requirement, now: Mapping[str, str]) -> bool:
    """Whether the version that a distribution has now does not meet a requirement."""
    version = now.get(canonicalize_name(requirement.name))
    return version is not None and not requirement.specifier.contains(version, prereleases=True)


def moved(requirement: Requirement, version: str) -> str:
    """The same requirement on the line of a version: ``>=0.2,<0.3`` for 0.2.1, ``>=1,<2`` for 1.4.0."""
    major, minor = Version(version).release[:2]
    line = f">={major},<{major + 1}" if major else f">=0.{minor},<0.{minor + 1}"
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{line}{marker}"


def _following(state: State, kinds: Sequence[str]) -> str:
    """The version that one distribution becomes, which is the one it has if there is nothing to release."""
    if state.released is None:
        return state.version
    has, had = Version(state.version), Version(state.released)
    asked = bump(state.released, state.version, kinds) if kinds else state.released
    if has < had:
        raise MetaCIError(
            f"{state.name} has version {state.version}, and {state.released} is released.",
            fix=f"Set it to {state.released}.",
        )
    if had < has < Version(asked):
        raise MetaCIError(
            f"{state.name} has version {state.version}, and its {min(kinds, key=KINDS.index)} change "
            f"after {state.released} makes it {asked}.",
            fix=f"Set it to {asked}, or to {state.released} and let the train raise it.",
        )
    return state.version if has > had else asked
