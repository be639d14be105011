"""Which kinds there are here, and who declares each, from metadata alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ._catalogue import how_to_install, known, provider
from ._kinds import CORE, KINDS, group

if TYPE_CHECKING:
    from ._components import InstalledComponent


@dataclass(frozen=True)
class Declaration:
    """What metadata tell of a kind.

    Parameters
    ----------
    kind, owner
        Its name, and the distribution that declares it.
    reason, fix
        Why its components cannot be used, and the command that mends it; empty where they can.
    """

    kind: str
    owner: str
    reason: str = ""
    fix: str = ""


def declarations(declaring: Iterable[InstalledComponent]) -> dict[str, Declaration]:
    """Core's kinds and those that are declared here, by the entry-point group of their components.

    Parameters
    ----------
    declaring
        The components of the kind ``kind``, each in its state.
    """
    own = (Declaration(kind, CORE) for kind in KINDS)
    # Of several declarations the usable one counts; without one, the conflict says more than the rest.
    found = sorted(declaring, key=lambda one: (one.state != "ok", one.state != "conflict"))
    first: dict[str, Declaration] = {}
    for declaration in (*own, *_declared(found)):
        first.setdefault(group(declaration.kind), declaration)
    return first


def absent(wanted: str) -> Declaration | None:
    """The kind of the components of a group that nothing here declares, if the catalogue knows it."""
    for name in known("kind"):
        kind = name.replace("-", "_")
        if group(kind) == wanted:
            owner = provider("kind", kind) or ""
            fix, version = how_to_install(owner)
            here = f"and {version}, which is installed, does not" if version else "which is not installed"
            return Declaration(kind, owner, f"its kind {kind!r} is declared by {owner}, {here}", fix)
    return None


def _declared(found: Sequence[InstalledComponent]) -> Iterator[Declaration]:
    for one in found:
        reason, fix = "", ""
        if one.state == "conflict":
            rivals = [
                each for each in found if each.state == one.state and group(each.name) == group(one.name)
            ]
            owners = " and ".join(sorted({each.distribution for each in rivals}))
            reason = f"its kind {one.name!r} is declared by {owners}, and neither wins"
            fix = " or ".join(sorted({f"anemoi plugins block {each.full_name}" for each in rivals}))
        elif one.state != "ok":
            where = f"its kind {one.name!r} is declared by {one.distribution}, where it is {one.state}"
            reason, fix = f"{where}: {one.reason}", one.fix
        yield Declaration(one.name, one.distribution, reason, fix)
