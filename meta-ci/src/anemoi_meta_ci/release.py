"""What may be released, in which order, with which versions: the release train."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from .errors import MetaCIError
from .wheels import Wheel

KINDS = ("breaking", "feature", "fix")
_FRAGMENT = re.compile(r"^(?P<name>[\w.+-]+)\.(?P<kind>[a-z]+)\.md$")


@dataclass(frozen=True)
class Release:
    """One distribution that is to be released.

    Parameters
    ----------
    name
        The distribution.
    version
        What it becomes.
    changes
        The texts of its fragments, those of breaking changes first.
    """

    name: str
    version: str
    changes: tuple[str, ...]


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


def train(
    wheels: Mapping[str, Wheel], released: Mapping[str, Wheel], needs: Mapping[str, Collection[str]]
) -> list[Release]:
    """What has changes, and what was never released, what it needs coming before it.

    Parameters
    ----------
    wheels, released
        Each distribution as it is, built from a folder, and as it was last released, if ever.
    needs
        For each the others of these that it requires.

    Raises
    ------
    MetaCIError
        If one is not what was released, and no fragment says why.
    """
    order = graphlib.TopologicalSorter({name: sorted(needs.get(name, ())) for name in sorted(wheels)})
    releases, silent = [], []
    for name in order.static_order():
        wheel, before = wheels[name], released.get(name)
        assert wheel.source is not None
        changes = fragments(wheel.source)
        if changes or before is None:
            version = bump(before.version if before else None, wheel.version, [kind for kind, _ in changes])
            releases.append(Release(name, version, tuple(text for _, text in changes)))
        elif wheel.sha256 != before.sha256:
            silent.append(f"  {name} is not what was released as {before.version}")
    if silent:
        raise MetaCIError(
            "\n".join(["There are changes that no fragment tells of:", *silent]),
            fix="Say in changes/NAME.KIND.md of each what has changed.",
        )
    return releases
