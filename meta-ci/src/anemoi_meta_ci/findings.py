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
        if cell.resolution == "lowest-direct" and passing(state, cell, "resolution"):
            said.append(
                f"{cell.subject}: a lower bound is a lie: it passes with the highest versions and fails with "
                f"the lowest that it declares ({cell.id})."
            )
        elif newer := passing(state, cell, "line"):
            said.append(
                f"{cell.subject}: declares core {cell.line} and breaks with it, and passes with "
                f"{newer.line} ({cell.id})."
            )
        else:
            said += [
                f"{cell.subject}: fails with {_value(cell, axis)} and passes with {_value(other, axis)} "
                f"({cell.id})."
                for axis in ("extra", "torch", "python")
                if (other := passing(state, cell, axis))
            ][:1]
    return said


def passing(state: Mapping[Cell, str], cell: Cell, axis: str) -> Cell | None:
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


def _value(cell: Cell, axis: str) -> str:
    """A place on an axis, as a reader would write it: Python 3.12, torch 2.13.0, zarr<3."""
    if axis == "extra":
        return " and ".join(name + specifier for name, specifier in cell.extra) or "none of these held"
    return f"Python {cell.python}" if axis == "python" else f"torch {cell.torch}"
