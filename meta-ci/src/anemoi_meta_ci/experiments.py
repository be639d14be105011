"""Cells that are run to find out what is wrong with others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .findings import passing
from .plan import Plan
from .planned import Planned
from .results import Result

Run = Callable[[Planned], Result]


def lies(planned: Sequence[Planned], results: Sequence[Result], plan: Plan, run: Run) -> list[str]:
    """Of each lower bound that is a lie, which one it is: the cell passes with that one raised alone."""
    by_cell = {each.cell: each for each in planned}
    states = {each.cell: result.state for each, result in zip(planned, results, strict=True)}
    said = []
    for each in planned:
        cell = each.cell
        if cell.kind != "plugin" or cell.resolution != "lowest-direct" or states[cell] != "fail":
            continue
        higher = passing(states, cell, "resolution")
        if higher is None or not each.locks:
            continue
        highest = by_cell[higher].locks[0].versions
        for requirement in _raisable(each, highest):
            raised = plan.raised(each, requirement.name, highest[canonicalize_name(requirement.name)])
            if raised is not None and run(raised).state == "pass":
                said.append(f"{cell.subject}: the lower bound that is a lie is {requirement} ({cell.id}).")
                break
    return said


def tight_caps(planned: Sequence[Planned], plan: Plan, run: Run) -> list[str]:
    """Run what is declared incompatible all the same; where it passes, a cap is too tight."""
    said = []
    for each in planned:
        if not each.unsatisfiable or each.cell.kind != "plugin":
            continue
        overridden = plan.overridden(each)
        if overridden is not None and run(overridden).state == "pass":
            said.append(f"{each.cell.subject}: this cap is too tight: {each.unsatisfiable} Yet it passes.")
    return said


def _raisable(planned: Planned, highest: Mapping[str, str]) -> list[Requirement]:
    """The requirements of a plugin whose lowest and highest versions differ."""
    lowest = planned.locks[0].versions
    names = {name for name, version in lowest.items() if highest.get(name, version) != version}
    return [each for each in planned.wheels[-1].requirements if canonicalize_name(each.name) in names]
