"""From the matrix to its cells: one environment, and what is proved in it."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from .matrix import Exclusion, Leg, Matrix, Resolution, Source, Stage
from .wheels import folders

Kind = Literal["plugin", "set", "checkpoint", "older"]


@dataclass(frozen=True)
class Cell:
    """One environment, and what is proved in it.

    Parameters
    ----------
    kind
        ``plugin`` for one plugin, ``set`` for all managed ones together, ``checkpoint`` for the
        checkpoints of an older line, ``older`` for the plugins of an older line beside this core.
    subject
        The plugin, ``all``, or the older line.
    line
        The line of core.
    python, torch, resolution
        The environment; an empty ``torch`` is none.
    extra
        Further distributions and the ranges that they are held to.
    stages
        What is run, in order.
    """

    kind: Kind
    subject: str
    line: str
    python: str
    torch: str
    resolution: Resolution
    extra: tuple[tuple[str, str], ...] = ()
    stages: tuple[Stage, ...] = ()

    @property
    def environment(self) -> str:
        """All but what is proved: the column of the grid."""
        parts = [
            self.line,
            f"py{self.python}",
            f"torch{self.torch}" if self.torch else "no-torch",
            self.resolution,
        ]
        return "/".join(parts + [name + specifier for name, specifier in self.extra])

    @property
    def row(self) -> str:
        """What is proved: the row of the grid."""
        return {
            "set": "(all together)",
            "checkpoint": f"(checkpoints of {self.subject})",
            "older": f"(plugins of {self.subject})",
        }.get(self.kind, self.subject)

    @property
    def id(self) -> str:
        """The whole name."""
        subject = {
            "set": "all",
            "checkpoint": f"checkpoints-of-{self.subject}",
            "older": f"plugins-of-{self.subject}",
        }.get(self.kind, self.subject)
        return f"{self.environment}/{subject}"


def expand(matrix: Matrix) -> list[Cell]:
    """All cells, each once, in the order of the file."""
    return list(dict.fromkeys(cell for leg in matrix.legs.values() for cell in _expand_leg(matrix, leg)))


def _expand_leg(matrix: Matrix, leg: Leg) -> Iterator[Cell]:
    ranges = [[(name, each) for each in specifiers] for name, specifiers in leg.with_.items()]
    axes = itertools.product(
        leg.lines, leg.python, leg.torch or ("",), leg.resolution, itertools.product(*ranges)
    )
    for line, python, torch, resolution, extra in axes:
        environment = Cell("plugin", "", line, python, torch, resolution, extra)
        for name in leg.plugins or matrix.plugins:
            tests = matrix.plugins[name].tests
            stages = tests if leg.stages is None else leg.stages
            yield replace(environment, subject=name, stages=stages)
        if leg.smoke:
            yield replace(environment, kind="set", subject="all")
            for older in _older(matrix, line):
                yield replace(environment, kind="checkpoint", subject=older)
                yield replace(environment, kind="older", subject=older)


def _older(matrix: Matrix, line: str) -> list[str]:
    """The lines after this one in the file, newest first, that say where their plugins were."""
    names = list(matrix.lines)
    return [name for name in names[names.index(line) + 1 :] if matrix.lines[name].plugins is not None]


def exclusions_of(cell: Cell, exclusions: Sequence[Exclusion]) -> list[Exclusion]:
    """The exclusions that a cell falls under, those of single tests among them."""
    return [
        each
        for each in exclusions
        if (each.plugin is None or fnmatchcase(cell.subject, each.plugin))
        and (each.cell is None or fnmatchcase(cell.id, each.cell))
    ]


def touched(matrix: Matrix, changed: Sequence[str], root: Path) -> frozenset[str] | None:
    """The plugins whose folders changed paths are in; None if one of them matters to all.

    A path inside a plugin's folder, or inside what a link there leads to, matters to that plugin; the
    template to what is made from it; core and the matrix to all. Any other path, such as of
    documentation, to none.

    Parameters
    ----------
    changed
        Paths relative to ``root``.
    root
        The folder of the matrix.
    """
    folders = {name: _folders(matrix, plugin.source, root) for name, plugin in matrix.plugins.items()}
    cores = [root / line.core.path for line in matrix.lines.values() if line.core.path is not None]
    found: set[str] = set()
    for path in ((root / path).resolve() for path in changed):
        if path.parent == root.resolve() and path.suffix in {".yaml", ".yml"}:
            return None
        if any(path.is_relative_to(core.resolve()) for core in cores):
            return None
        found |= {name for name, inside in folders.items() if any(map(path.is_relative_to, inside))}
    return frozenset(found)


def affected(
    cells: Sequence[Cell], plugins: Collection[str], needs: Mapping[str, Collection[str]]
) -> list[Cell]:
    """The cells that a change of plugins can matter to: theirs, of those that need them, and of the sets.

    Parameters
    ----------
    needs
        For each plugin the plugins that it requires, directly or not, its tests included.
    """
    reached = set(plugins) | {name for name, needed in needs.items() if set(plugins) & set(needed)}
    return [cell for cell in cells if cell.subject in reached or (cell.kind != "plugin" and reached)]


def _folders(matrix: Matrix, source: Source, root: Path) -> list[Path]:
    if source.template is not None and matrix.template is not None:
        return [(root / matrix.template).resolve()]
    if source.path is None:
        return []
    return folders(root / source.path)
