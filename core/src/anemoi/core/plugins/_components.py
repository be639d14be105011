"""Every component there is, each in exactly one state, from metadata alone."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ..commands import is_reserved
from ._blocklist import Blocklist, read_blocklist
from ._declared import Declaration, absent, declarations
from ._find import EntryPoint, InstalledDistribution, installed_distributions
from ._judge import Judge
from ._kinds import CORE, KINDS, PREFIX, group, is_kind_name, normalise
from ._metadata import LONGEST

STATES = ("ok", "incompatible", "broken", "conflict", "blocked")
_DECLARING = group("kind")


@dataclass(frozen=True)
class InstalledComponent:
    """What one entry point offers, and whether it can be used here.

    Parameters
    ----------
    kind
        What it is, such as ``processor``: see :func:`kinds`. Where no kind has its group, the end of that.
    name
        What it is called.
    distribution, version
        What offers it.
    state
        ``ok``, ``incompatible``, ``broken``, ``conflict`` or ``blocked``.
    reason
        Why it is in that state; empty where there is nothing to say.
    fix
        The command that mends it; empty where nothing needs mending.
    value
        Where it is: ``module:attribute``.
    """

    kind: str
    name: str
    distribution: str
    version: str
    state: str
    reason: str
    fix: str
    value: str

    @property
    def full_name(self) -> str:
        """The name that no other distribution can share: ``distribution:name``."""
        return f"{self.distribution}:{self.name}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from every other component."""
        return self.kind, self.distribution, self.name, self.value


@dataclass(frozen=True)
class Verdict:
    """The state of a component, why, and the command that mends it."""

    state: str
    reason: str
    fix: str


failures: dict[tuple[str, str, str, str], Verdict] = {}
"""What is wrong with each component that failed to load in this process, by its key."""


def components(kind: str | None = None) -> list[InstalledComponent]:
    """Every component of every installed distribution, or those of one kind; nothing is imported.

    Raises
    ------
    ConfigError
        If a list of blocked plugins cannot be read.
    """
    found = _judged(tuple(sys.path), read_blocklist(), frozenset(failures.items()), kind == "kind")
    return [component for component in found if kind in (None, component.kind)]


@lru_cache(maxsize=4)
def _judged(
    path: tuple[str, ...],
    blocked: Blocklist,
    _failures: frozenset[tuple[tuple[str, str, str, str], Verdict]],
    declaring_alone: bool,
) -> tuple[InstalledComponent, ...]:
    """Every component in order, judged once: a forecast asks for some sixty before its first step."""
    inspector = _Inspector(_judge(path), blocked)
    found = declaring = inspector.declaring()
    if not declaring_alone:
        found = [*declaring, *_with_conflicts(inspector.others(declarations(declaring)))]
    order = {name: place for place, name in enumerate(KINDS)}
    found.sort(key=lambda one: (order.get(one.kind, len(order)), one.kind, normalise(one.name), one.key))
    return tuple(found)


def declared() -> dict[str, Declaration]:
    """Core's kinds and those that distributions declare here, by entry-point group; nothing is imported."""
    return declarations(_Inspector(_judge(tuple(sys.path)), read_blocklist()).declaring())


def kinds() -> tuple[str, ...]:
    """The kinds whose components can be used here: core's, then those that distributions declare, by name."""
    usable = {declaration.kind for declaration in declared().values() if not declaration.reason}
    return (*KINDS, *sorted(usable - set(KINDS)))


@lru_cache(maxsize=4)
def _judge(_path: tuple[str, ...]) -> Judge:
    """What is installed, read once: a training looks for some hundred components before its first step."""
    return Judge()


class _Inspector:
    """Judges what distributions offer, each component as if it were alone.

    Parameters
    ----------
    judge, blocked
        What is installed, and what is blocked.
    """

    def __init__(self, judge: Judge, blocked: Blocklist) -> None:
        self._judge, self._blocked = judge, blocked

    def declaring(self) -> list[InstalledComponent]:
        """The components that declare kinds."""
        own = {_DECLARING: Declaration("kind", CORE)}
        points = ((installed, point) for installed, point in _points() if point.group == _DECLARING)
        return _with_conflicts(self._component(*each, own) for each in points)

    def others(self, known: dict[str, Declaration]) -> Iterator[InstalledComponent]:
        """All other components, given the kinds that are declared, by group."""
        points = ((installed, point) for installed, point in _points() if point.group != _DECLARING)
        return (self._component(*each, known) for each in points)

    def _component(
        self, installed: InstalledDistribution, point: EntryPoint, known: dict[str, Declaration]
    ) -> InstalledComponent:
        declaration = known.get(point.group) or absent(point.group)
        component = InstalledComponent(
            kind=declaration.kind if declaration else point.group.removeprefix(PREFIX),
            name=point.name,
            distribution=installed.name,
            version=installed.metadata.version if installed.metadata else "",
            state="ok",
            reason="",
            fix="",
            value=point.value,
        )
        verdict = (
            self._block(component)
            or self._requirement(installed, point)
            or _unreadable(installed)
            or _kind_fault(point.group, declaration, known)
            or _malformed(component, point)
            or failures.get(component.key)
            or Verdict("ok", "", "")
        )
        return replace(component, state=verdict.state, reason=verdict.reason, fix=verdict.fix)

    def _block(self, component: InstalledComponent) -> Verdict | None:
        rule = self._blocked.decides(component.distribution, component.name)
        if rule is None or not rule.blocks:
            return None
        reason = f"blocked by the {rule.owner}'s list ({rule.path}, line {rule.line})"
        by_user = rule.owner == "user"
        fix = f"anemoi plugins allow {rule.name}" if by_user else "ask those who keep that list"
        return Verdict("blocked", reason, fix)

    def _requirement(self, installed: InstalledDistribution, point: EntryPoint) -> Verdict | None:
        parts = point.parts()
        unmet = self._judge.unmet(installed, parts[2] if parts else frozenset())
        if not unmet:
            return None
        return Verdict("incompatible", "; ".join(fault.reason for fault in unmet), unmet[0].fix)


def _points() -> Iterator[tuple[InstalledDistribution, EntryPoint]]:
    """Every entry point with its distribution; one that says so where they cannot be read."""
    unreadable = EntryPoint(f"{PREFIX}unknown", "entry_points.txt", "")
    for installed in installed_distributions():
        for point in dict.fromkeys(installed.entry_points or [unreadable]):
            yield installed, point


def reinstall(distribution: str) -> str:
    """The command that mends a distribution whose files are not as they should be."""
    return f"pip install --upgrade --force-reinstall {distribution}"


def _unreadable(installed: InstalledDistribution) -> Verdict | None:
    return Verdict("broken", installed.fault, reinstall(installed.name)) if installed.fault else None


def _kind_fault(group: str, declaration: Declaration | None, known: dict[str, Declaration]) -> Verdict | None:
    if declaration is None:
        reason = f"this anemoi-core has no entry-point group {group!r}{_nearest_group(group, known)}"
        return Verdict("incompatible", reason, "pip install --upgrade anemoi-core")
    if declaration.reason:
        return Verdict("incompatible", declaration.reason, declaration.fix)
    return None


def _malformed(component: InstalledComponent, point: EntryPoint) -> Verdict | None:
    reason = ""
    if point.parts() is None:
        reason = f"its entry point {point.value!r} is not of the form module:attribute"
    elif component.kind == "kind" and not is_kind_name(component.name):
        reason = "the name of a kind has lower-case letters, digits and _ alone, and begins with a letter"
    elif reason := name_fault(component):
        return Verdict("broken", reason, f"anemoi plugins block {component.distribution}")
    return Verdict("broken", reason, reinstall(component.distribution)) if reason else None


def name_fault(component: InstalledComponent) -> str:
    """Why nothing can be called so; empty if it can."""
    if len(component.name) > LONGEST:
        return f"its name has more than {LONGEST} characters"
    if component.kind == "command" and any(word.startswith("-") for word in component.name.split(".")):
        return "the name of a command must not begin with -, as that of an option does"
    return ""


def _nearest_group(group: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(group, known, n=1)
    return f"; the nearest is {nearest[0]!r}" if nearest else ""


def _with_conflicts(judged: Iterable[InstalledComponent]) -> list[InstalledComponent]:
    """Mark as conflicts the components that share a name; those that cannot be used anyway take no part."""
    found = list(judged)
    sharing: dict[tuple[str, str], list[InstalledComponent]] = defaultdict(list)
    for component in found:
        joined = component.kind in KINDS and KINDS[component.kind].joined
        if component.state in ("ok", "broken") and not joined:
            # Two kinds must not have one group, however they are called.
            name = group(component.name) if component.kind == "kind" else normalise(component.name)
            sharing[component.kind, name].append(component)
    marked = {
        component.key: replace(component, state="conflict", reason=verdict[0], fix=verdict[1])
        for rivals in sharing.values()
        for advice in [_advice(rivals)]
        for component in rivals
        if (verdict := _conflict(component, rivals, advice))
    }
    return [marked.get(component.key, component) for component in found]


def _conflict(
    component: InstalledComponent, rivals: list[InstalledComponent], advice: str
) -> tuple[str, str] | None:
    """Why a component cannot have its name, and what to do; None if it can."""
    kind, name = component.kind, component.name
    block = f"anemoi plugins block {component.full_name}"
    if kind == "command" and is_reserved(name.lower()):
        words = name.lower().replace(".", " ")
        head, _, last = words.rpartition(" ")
        reason = f"anemoi-core has a command {words!r} of its own, which wins"
        return reason, " ".join(["anemoi", *head.split(), f"{component.distribution}:{last}"])
    if kind == "kind" and group(name) in map(group, KINDS):
        return f"anemoi-core has a kind {name!r} of its own, which wins", block
    if len(rivals) == 1:
        return None
    others = sorted({other.distribution for other in rivals} - {component.distribution})
    by = f"by {', '.join(others)} too" if others else "twice by its own distribution"
    if kind == "kind":
        return f"the kind {name!r} is declared {by}, and neither wins", advice
    return f"{kind} {normalise(name)!r} is offered {by}", advice


def _advice(rivals: list[InstalledComponent], most: int = 5) -> str:
    """What to do about a name that several have, the same for each: nobody here knows the genuine one."""
    full_names = sorted({rival.full_name for rival in rivals})
    blocking = " or ".join(f"anemoi plugins block {each}" for each in full_names[:most])
    if len(full_names) == 1 or rivals[0].kind == "kind":
        return blocking
    return f"write the one you mean, {' or '.join(full_names[:most])}, or hide another: {blocking}"
