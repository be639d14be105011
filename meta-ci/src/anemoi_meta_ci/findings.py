"""What the cells of a run say together: the kind of trouble, by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .cells import Cell
from .results import Result


def findings(cells: Sequence[Cell], results: Sequence[Result]) -> list[str]:
    """One sentence for each trouble that only a comparison of cells shows."""
    state = {cell: result.state for cell, result in zip(cells, results, strict=True)}
    failed = [cell for cell in cells if state[cell] == "fail" and cell.kind == "plugin"]
    said = []
    for cell in failed:
        if cell.resolution == "lowest-direct" and _passes(state, cell, "resolution"):
            said.append(
                f"{cell.subject}: a lower bound is a lie: it passes with the highest versions and fails with "
                f"the lowest that it declares ({cell.id})."
            )
        elif newer := _passes(state, cell, "line"):
            said.append(
                f"{cell.subject}: declares core {cell.line} and breaks with it, and passes with "
                f"{newer.line} ({cell.id})."
            )
    return said


def _passes(state: Mapping[Cell, str], cell: Cell, axis: str) -> Cell | None:
    """The cell that passes and is like this one but for one axis."""
    for other in state:
        differs = [
            name
            for name in ("kind", "subject", "line", "python", "torch", "resolution", "extra")
            if getattr(cell, name) != getattr(other, name)
        ]
        if differs == [axis] and state[other] == "pass":
            return other
    return None
