"""Components that two distributions offer under one name, so that neither can be used beside the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from .wheels import Wheel

_GROUPS = "anemoi."


def conflicts(wheels: Iterable[Wheel]) -> list[tuple[frozenset[str], str]]:
    """For each such name the distributions that offer it, and a sentence."""
    offering: dict[tuple[str, str], set[str]] = defaultdict(set)
    for wheel in wheels:
        for group, points in wheel.entry_points.items():
            for name in points if group.startswith(_GROUPS) else ():
                offering[group, name].add(wheel.name)
    return [
        (frozenset(names), f"Conflict: {name!r} of {group} is offered by {' and by '.join(sorted(names))}.")
        for (group, name), names in offering.items()
        if len(names) > 1
    ]
