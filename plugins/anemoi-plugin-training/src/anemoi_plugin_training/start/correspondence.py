"""Which index of a weight of one model is which of another's, axis by axis."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .tracing import Label, Labels


@dataclass(frozen=True)
class Match:
    """How one axis of a weight corresponds to that of another.

    Parameters
    ----------
    here, there
        The indexes that are the same, in both.
    new
        Those here that see a variable which the other does not.
    dropped
        What those of the other see that this one does not.
    """

    here: list[int]
    there: list[int]
    new: dict[int, Label]
    dropped: list[Label]


def match(size: int, labels: Labels | None, other_size: int, other: Labels | None) -> Match | None:
    """Bring one axis together with another; None if they do not fit."""
    if labels is None or other is None or _tells_nothing(labels, other):
        return Match(list(range(size)), list(range(size)), {}, []) if size == other_size else None
    if labels.count(None) != other.count(None):
        return None
    places: dict[tuple[Label | None, int], int] = {
        numbered: place for place, numbered in enumerate(_numbered(other))
    }
    here, there, new = [], [], {}
    for place, numbered in enumerate(_numbered(labels)):
        found = places.pop(numbered, None)
        if found is not None:
            here.append(place)
            there.append(found)
        elif numbered[0] is not None:
            new[place] = numbered[0]
    return Match(here, there, new, [label for label, _ in places if label is not None])


def _tells_nothing(labels: Labels, other: Labels) -> bool:
    """Whether all indexes of one see the same: those of a hidden layer do, of a model of one variable."""
    same_size = len(labels) == len(other) > 1
    return same_size and (len(set(labels)) == 1 or len(set(other)) == 1)


def _numbered(labels: Sequence[Label | None]) -> list[tuple[Label | None, int]]:
    """Each label with how many of the same came before."""
    count: dict[Label | None, int] = defaultdict(int)
    found = []
    for label in labels:
        found.append((label, count[label]))
        count[label] += 1
    return found
