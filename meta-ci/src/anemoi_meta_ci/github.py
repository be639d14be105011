"""The cells as a matrix for GitHub Actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .planned import Planned
from .results import Result

_UNKNOWN = 60.0
"""Seconds to reckon with for a cell that was never run."""


def strategy(planned: Sequence[Planned], earlier: Sequence[Result], shards: int) -> dict[str, Any]:
    """What ``strategy.matrix`` of a workflow is set to: shards of cells of about the same duration.

    The longest cell goes to the shard that has the least, then the next (Graham, "Bounds on
    multiprocessing timing anomalies", 1969: at most a third above the best there is).
    """
    seconds = {each.id: each.seconds for each in earlier}
    cells = [each.cell for each in planned if each.locks]
    cells.sort(key=lambda cell: -seconds.get(cell.id, _UNKNOWN))
    found: list[tuple[float, list[str]]] = [(0.0, []) for _ in range(min(shards, len(cells)))]
    for cell in cells:
        found.sort(key=lambda shard: shard[0])
        spent, names = found[0]
        found[0] = (spent + seconds.get(cell.id, _UNKNOWN), [*names, cell.id])
    return {
        "include": [
            {"shard": number, "cells": names, "seconds": round(spent)}
            for number, (spent, names) in enumerate(sorted(found, key=lambda shard: -shard[0]), 1)
        ]
    }
