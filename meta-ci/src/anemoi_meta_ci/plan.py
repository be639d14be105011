"""What a run would do: the cells, with what would be installed in each, and nothing installed."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from .cells import Cell, affected, expand
from .errors import MetaCIError
from .matrix import Matrix, Source
from .resolve import Lock, Resolver, UnsatisfiableError, question
from .uv import find_python
from .wheels import DoesNotBuildError, Wheel, Wheelhouse, needs, tree_hash

CORE = "anemoi-core"


@dataclass(frozen=True)
class Planned:
    """A cell, and what would be installed in it; or why it cannot be.

    Parameters
    ----------
    cell
        The cell.
    wheels
        Of ours, core first, what is proved last.
    locks
        What is installed: at the start, and later in the cell (for a plugin's own tests, or to read an
        older checkpoint).
    conformance
        What is installed for the stage of that name, where the kit is a distribution of its own.
    folders
        Further folders of wheels to install from.
    unsatisfiable
        The resolver's own sentence, if the cell is declared incompatible.
    does_not_build
        What the builder said, if there is no wheel.
    """

    cell: Cell
    wheels: tuple[Wheel, ...] = ()
    locks: tuple[Lock, ...] = ()
    conformance: Lock | None = None
    folders: tuple[Path, ...] = ()
    unsatisfiable: str = ""
    does_not_build: str = ""

    @functools.cached_property
    def source_hash(self) -> str:
        """Of the plugin's folder, whose tests are run and are no part of its wheel."""
        source = self.wheels[-1].source if self.wheels and self.cell.kind == "plugin" else None
        return tree_hash(source) if source is not None else ""


@dataclass
class Plan:
    """Plans the cells of a matrix.

    Parameters
    ----------
    matrix
        The matrix.
    house
        Where wheels come from.
    resolver
        What answers for versions.
    """

    matrix: Matrix
    house: Wheelhouse
    resolver: Resolver
    wheels: dict[str, Wheel] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def plan(self, *, changed: Sequence[str] | None = None, cells: Sequence[str] = ("*",)) -> list[Planned]:
        """Resolve cells.

        Parameters
        ----------
        changed
            Only those that these paths can matter to.
        cells
            Only those whose names match one of these patterns.

        Raises
        ------
        MetaCIError
            If the matrix names what is not there, or a pattern matches no cell.
        """
        self.build()
        wanted = expand(self.matrix)
        for pattern in cells:
            if not any(fnmatchcase(cell.id, pattern) for cell in wanted):
                raise MetaCIError(f"There is no cell {pattern!r}.", fix="See 'anemoi-meta-ci plan'.")
        wanted = [cell for cell in wanted if any(fnmatchcase(cell.id, pattern) for pattern in cells)]
        if changed is not None:
            wanted = affected(wanted, self.matrix, changed, self._needs)
        for version in {cell.torch for cell in wanted if cell.torch}:
            self.house.torch(version)
        with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            list(pool.map(find_python, {cell.python for cell in wanted}))  # once, not by many cells at a time
            return list(pool.map(self._planned, wanted))

    def build(self) -> None:
        """Build every wheel, some at a time; a plugin that does not build is remembered as such."""
        lines = {line for leg in self.matrix.legs.values() for line in leg.lines}
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            building = [
                pool.submit(self._build_one, name, plugin.source)
                for name, plugin in self.matrix.plugins.items()
            ]
            building += [pool.submit(self._build_core, line) for line in lines]
            for each in building:
                each.result()
        self._needs = needs(self.wheels)
        self._required = needs(self.wheels, tests=False)

    def _build_one(self, name: str, source: Source) -> None:
        try:
            self.wheels[name] = self.house.wheel(name, source)
        except DoesNotBuildError as error:
            self.broken[name] = str(error)

    def _build_core(self, line: str) -> None:
        with contextlib.suppress(DoesNotBuildError):  # It is told of in each cell that it would be in.
            self.core(line)

    def core(self, line: str) -> Wheel:
        """The wheel of core, of a line."""
        return self.house.wheel(CORE, self.matrix.lines[line].core)

    def _planned(self, cell: Cell, overrides: Sequence[str] = ()) -> Planned:
        try:
            return self._resolved(cell, overrides)
        except DoesNotBuildError as error:
            return Planned(cell, does_not_build=str(error))
        except UnsatisfiableError as error:
            return Planned(cell, self._wheels(cell), unsatisfiable=str(error))

    def _resolved(self, cell: Cell, overrides: Sequence[str]) -> Planned:
        wheels = self._wheels(cell)
        conformance = None
        torch = self.house.torch(cell.torch) if cell.torch else None
        ask = functools.partial(question, cell, torch=torch, overrides=overrides)
        if cell.kind == "checkpoint":
            older = (self.core(cell.subject), *self._older(cell.subject))
            questions = [ask(older), ask(wheels)]
        else:
            tested = cell.subject if "own" in cell.stages else None
            questions = [ask(wheels)]
            if tested:
                wanted = [self.wheels[name] for name in sorted(self._needs[tested]) if name in self.wheels]
                questions.append(ask((wheels[0], *wanted, wheels[-1]), tested=tested))
            if kit := self._kit(cell):
                conformance = self.resolver.lock(ask((wheels[0], *kit, *wheels[1:])))
        locks = tuple(self.resolver.lock(each) for each in questions)
        return Planned(cell, wheels, locks, conformance, questions[0].folders)

    def _kit(self, cell: Cell) -> tuple[Wheel, ...]:
        """The kit and what it requires of ours, if a cell has need of it and has not got it anyway.

        A line of core that the kit declares not to fit is older than the kit, and has one in core.
        """
        kit = self.matrix.kit
        if (
            kit is None
            or "conformance" not in cell.stages
            or kit in (cell.subject, *self._required[cell.subject])
        ):
            return ()
        if kit in self.broken:
            raise DoesNotBuildError(self.broken[kit])
        if not self.wheels[kit].fits(self.core(cell.line)):
            return ()
        there = self._required[cell.subject]
        return tuple(self.wheels[name] for name in (*sorted(self._required[kit] - there), kit))

    def _wheels(self, cell: Cell) -> tuple[Wheel, ...]:
        """Of ours, what the cell holds: core, what the plugin requires of others, the plugin."""
        core = self.core(cell.line)
        if cell.kind == "plugin":
            if cell.subject in self.broken:
                raise DoesNotBuildError(self.broken[cell.subject])
            required = sorted(self._required[cell.subject])
            return (core, *(self.wheels[name] for name in required), self.wheels[cell.subject])
        if cell.kind == "older":
            return (core, *self._older(cell.subject))
        if cell.kind == "checkpoint" and cell.line != next(iter(self.matrix.lines)):
            return (core, *self._older(cell.line))
        if broken := [name for name in self.matrix.smoke_plugins if name in self.broken]:
            raise DoesNotBuildError(f"{broken[0]}: {self.broken[broken[0]]}")
        return (core, *(self.wheels[name] for name in self.matrix.smoke_plugins))

    def _older(self, line: str) -> tuple[Wheel, ...]:
        """The plugins that an older line had."""
        source = self.matrix.lines[line].plugins
        assert source is not None
        there = [name for name in self.matrix.smoke_plugins if self.house.exists(name, source)]
        return tuple(self.house.wheel(name, source) for name in there)

    def overridden(self, planned: Planned) -> Planned | None:
        """The same cell with its requirement on core overridden; None if that does not help."""
        cell = planned.cell
        core = self.core(cell.line)
        again = self._planned(cell, [f"{CORE} @ {core.path.as_uri()}"])
        return None if again.unsatisfiable or again.does_not_build else again
