"""Every component there is, each in exactly one state, from metadata alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from ..cli.commands import CORE_COMMANDS
from ._blocklist import Blocklist, read_blocklist
from ._find import EntryPoint, Offering, offerings
from ._judge import Judge, Unmet
from ._kinds import GROUPS, JOINED, KIND_OF, PREFIX, normalise

STATES = ("ok", "incompatible", "broken", "conflict", "blocked")


@dataclass(frozen=True)
class Component:
    """What one entry point offers, and whether it can be used here.

    Parameters
    ----------
    kind
        What it is: a key of the table of kinds.
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


failures: dict[tuple[str, str, str, str], str] = {}
"""Why each component that failed to load in this process did, by its key."""


def components(kind: str | None = None) -> list[Component]:
    """Every component of every installed distribution, or those of one kind; nothing is imported.

    Raises
    ------
    ConfigError
        If a list of blocked plugins cannot be read.
    """
    judge, blocked = Judge(), read_blocklist()
    found = [component for offering in offerings() for component in _judged(offering, judge, blocked)]
    found = _with_conflicts(found)
    order = {name: place for place, name in enumerate(GROUPS)}
    found.sort(key=lambda one: (order.get(one.kind, len(order)), normalise(one.name), one.key))
    return [component for component in found if kind is None or component.kind == kind]


def _judged(offering: Offering, judge: Judge, blocked: Blocklist) -> list[Component]:
    """The components of one distribution, each judged as if it were alone."""
    unmet: dict[frozenset[str], tuple[Unmet, ...]] = {}
    judged = []
    points = dict.fromkeys(offering.entry_points or [EntryPoint(f"{PREFIX}unknown", "entry_points.txt", "")])
    for point in points:
        parts = point.parts()
        extras = parts[2] if parts else frozenset()
        if extras not in unmet:
            unmet[extras] = judge.unmet(offering, extras)
        component = Component(
            kind=KIND_OF.get(point.group, point.group.removeprefix(PREFIX)),
            name=point.name,
            distribution=offering.name,
            version=offering.metadata.version if offering.metadata else "",
            state="ok",
            reason="",
            fix="",
            value=point.value,
        )
        rule = blocked.decides(offering.name, point.name)
        reinstall = f"pip install --upgrade --force-reinstall {offering.name}"
        if rule and rule.blocks:
            reason = f"blocked by the {rule.owner}'s list ({rule.path}, line {rule.line})"
            by_user = rule.owner == "user"
            fix = f"anemoi plugins allow {rule.name}" if by_user else "ask those who keep that list"
            component = replace(component, state="blocked", reason=reason, fix=fix)
        elif unmet[extras]:
            reason = "; ".join(fault.reason for fault in unmet[extras])
            component = replace(component, state="incompatible", reason=reason, fix=unmet[extras][0].fix)
        elif offering.fault:
            component = replace(component, state="broken", reason=offering.fault, fix=reinstall)
        elif component.kind not in GROUPS:
            reason = f"this anemoi-core has no entry-point group {point.group!r}{_nearest_group(point.group)}"
            upgrade = "pip install --upgrade anemoi-core"
            component = replace(component, state="incompatible", reason=reason, fix=upgrade)
        elif parts is None:
            reason = f"its entry point {point.value!r} is not of the form module:attribute"
            component = replace(component, state="broken", reason=reason, fix=reinstall)
        elif component.key in failures:
            component = replace(component, state="broken", reason=failures[component.key], fix=reinstall)
        judged.append(component)
    return judged


def _nearest_group(group: str) -> str:
    from difflib import get_close_matches

    nearest = get_close_matches(group, GROUPS.values(), n=1)
    return f"; the nearest is {nearest[0]!r}" if nearest else ""


def _with_conflicts(judged: list[Component]) -> list[Component]:
    """Mark as conflicts the components that share a name; those that cannot be used anyway take no part."""
    sharing: dict[tuple[str, str], list[Component]] = defaultdict(list)
    for component in judged:
        if component.state in ("ok", "broken") and component.kind not in JOINED:
            sharing[component.kind, normalise(component.name)].append(component)
    marked = {}
    for (kind, name), rivals in sharing.items():
        if kind == "command" and name in CORE_COMMANDS:
            for component in rivals:
                reason = f"anemoi-core has a command {name!r} of its own, which wins"
                fix = f"anemoi {component.full_name}"
                marked[component.key] = replace(component, state="conflict", reason=reason, fix=fix)
        elif len(rivals) > 1:
            for component in rivals:
                others = sorted({other.distribution for other in rivals} - {component.distribution})
                by = f"by {', '.join(others)} too" if others else "twice by its own distribution"
                reason = f"{kind} {name!r} is offered {by}"
                fix = (
                    f"write {component.full_name} to use this one, "
                    f"or hide it with: anemoi plugins block {component.full_name}"
                )
                marked[component.key] = replace(component, state="conflict", reason=reason, fix=fix)
    return [marked.get(component.key, component) for component in judged]
