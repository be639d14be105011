"""What a run would do: the cells, with what would be installed in each, and nothing installed."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from .cells import Cell, affected, expand, touched
from .errors import AbsentError, MetaCIError, NoWheelError
from .house import Wheelhouse
from .matrix import Matrix, Source
from .planned import Planned
from .resolve import Question, Resolver, UnresolvedError, UnsatisfiableError, question
from .uv import find_python
from .wheels import Wheel, needs

CORE = "anemoi-core"


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
    broken: dict[str, NoWheelError] = field(default_factory=dict)

    def plan(self, *, changed: Sequence[str] | None = None, cells: Sequence[str] = ("*",)) -> list[Planned]:
        """Resolve cells; only what they need is built.

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
        wanted = self._wanted(changed, cells)
        for version in {cell.torch for cell in wanted if cell.torch}:
            self.house.torch(version)
        with ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
            list(pool.map(find_python, {cell.python for cell in wanted}))  # once, not by many cells at a time
            sources = [(CORE, self.matrix.lines[line].core) for line in {cell.line for cell in wanted}]
            list(pool.map(self._prepare, sources))
            return list(pool.map(self._planned, wanted))

    def build(self, names: Iterable[str] | None = None) -> None:
        """Build the wheels of plugins, all by default, and of those that they need, some at a time.

        One of which there is no wheel is remembered as such.
        """
        todo = set(self.matrix.plugins if names is None else names)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            while todo := todo - set(self.wheels) - set(self.broken):
                list(pool.map(self._build_one, sorted(todo)))
                built = [self.wheels[name] for name in todo & set(self.wheels)]
                required = {canonicalize_name(each.name) for wheel in built for each in wheel.requirements}
                todo = set(self.matrix.plugins).intersection(required)
        self._needs = needs(self.wheels)
        self._required = needs(self.wheels, tests=False)

    def core(self, line: str) -> Wheel:
        """The wheel of core, of a line."""
        return self.house.wheel(CORE, self.matrix.lines[line].core)

    def overridden(self, planned: Planned) -> Planned | None:
        """The same cell with its requirement on core overridden; None if that does not help."""
        core = self.core(planned.cell.line)
        again = self._planned(planned.cell, [f"{CORE} @ {core.path.as_uri()}"])
        return again if again.locks else None

    def raised(self, planned: Planned, name: str, version: str) -> Planned | None:
        """The same cell with one requirement held to a version; None if there is no such cell."""
        cell = replace(planned.cell, extra=(*planned.cell.extra, (name, f"=={version}")))
        again = self._planned(cell)
        return again if again.locks else None

    def _wanted(self, changed: Sequence[str] | None, patterns: Sequence[str]) -> list[Cell]:
        """The cells that are asked for, with what they need built."""
        cells = expand(self.matrix)
        for pattern in patterns:
            if not any(fnmatchcase(cell.id, pattern) for cell in cells):
                raise MetaCIError(f"There is no cell {pattern!r}.", fix="See 'anemoi-meta-ci plan'.")
        cells = [cell for cell in cells if any(fnmatchcase(cell.id, pattern) for pattern in patterns)]
        plugins = None if changed is None else touched(self.matrix, changed, self.house.root)
        if plugins is not None:
            self.build(None if plugins else ())  # What needs a plugin is known when all are built.
            cells = affected(
                cells, plugins, {name: needed | self._beside(name) for name, needed in self._needs.items()}
            )
        self.build({name for cell in cells for name in self._subjects(cell)})
        return cells

    def _subjects(self, cell: Cell) -> Iterator[str]:
        """The plugins, not of an older line, that are proved in a cell, and the kit that proves them."""
        if cell.kind == "plugin":
            yield cell.subject
        elif cell.kind != "older":
            yield from (*self.matrix.smoke_plugins, *self.matrix.managed)
        if self.matrix.kit is not None and "conformance" in cell.stages:
            yield self.matrix.kit

    def _prepare(self, wanted: tuple[str, Source]) -> None:
        """Build, some at a time, what many cells need; what fails is told of in each of them."""
        self._there(*wanted, strict=False)

    def _there(self, name: str, source: Source, *, strict: bool = True) -> Wheel | None:
        """The wheel of a distribution, None if it is not there: one may be younger than an older line."""
        try:
            return self.house.wheel(name, source)
        except AbsentError:
            return None
        except NoWheelError:
            if strict:
                raise
            return None

    def _build_one(self, name: str) -> None:
        try:
            self.wheels[name] = self.house.wheel(name, self.matrix.plugins[name].source)
        except NoWheelError as error:
            self.broken[name] = error

    def _planned(self, cell: Cell, overrides: Sequence[str] = ()) -> Planned:
        try:
            return self._resolved(cell, overrides)
        except NoWheelError as error:
            return Planned(cell, impossible=str(error), log=error.log)
        except UnresolvedError as error:
            return Planned(cell, self._wheels(cell), impossible=str(error))
        except UnsatisfiableError as error:
            wheels, said = self._wheels(cell), str(error)
            return Planned(
                cell,
                wheels,
                unsatisfiable=said,
                impossible=self._contradiction(cell, wheels, said),
            )

    def _resolved(self, cell: Cell, overrides: Sequence[str]) -> Planned:
        wheels = self._wheels(cell)
        conformance = None
        torch = self.house.torch(cell.torch) if cell.torch else None
        ask = functools.partial(question, cell, torch=torch, overrides=overrides)
        questions: list[Question] = [ask(wheels)]
        if cell.kind == "checkpoint":
            questions.insert(0, ask((self.core(cell.subject), *self._older(cell.subject))))
        elif cell.kind == "set":
            self.resolver.lock(ask((wheels[0], *self._managed(wheels[0]))))
        elif cell.kind == "plugin":
            tested = cell.subject if "own" in cell.stages else None
            if tested:
                wanted = [self._built(name) for name in sorted(self._needs[tested])]
                questions.append(ask((wheels[0], *wanted, wheels[-1]), extra=(tested, "test")))
        locks = tuple(self.resolver.lock(each) for each in questions)
        if cell.kind == "plugin" and (checked := self._checked(cell)) is not None:
            checks = ask((wheels[0], *checked, wheels[-1]), extra=(cell.subject, "check"))
            conformance = self.resolver.lock(checks)
        return Planned(cell, wheels, locks, conformance, questions[0].folders)

    def _contradiction(self, cell: Cell, wheels: Sequence[Wheel], said: str) -> str:
        """Why versions that cannot be found are a fault, and not what a plugin openly declares.

        The managed plugins have to fit the newest line; and of any line that each of several plugins fits,
        they have to fit together.
        """
        core, *plugins = wheels
        strangers = [each for each in plugins if not each.fits(core)]
        newest = cell.line == next(iter(self.matrix.lines))
        unfit = f"what is managed does not fit the newest core, {cell.line}: {said}"
        if cell.kind == "plugin":
            return unfit if newest and strangers and cell.subject in self.matrix.managed else ""
        if cell.kind == "older" or (not newest and (strangers or cell.kind == "checkpoint")):
            return ""
        if strangers:
            return unfit
        members = self._managed(core) if cell.kind == "set" else plugins
        apart = all(self._alone(cell, each) for each in members)
        return f"what is managed cannot be installed together: {said}" if apart else ""

    def _managed(self, core: Wheel) -> list[Wheel]:
        """The managed plugins that are to go together with a core; one without a wheel is red by itself."""
        built = [self.wheels[name] for name in self.matrix.managed if name in self.wheels]
        return [each for each in built if each.fits(core)]

    def _alone(self, cell: Cell, wheel: Wheel) -> bool:
        """Whether a plugin and what it requires can be installed without the other plugins of a set."""
        if not SpecifierSet(wheel.requires_python).contains(f"{cell.python}.99"):
            return False
        wheels = (self.core(cell.line), *self._requirements(wheel.name), wheel)
        torch = self.house.torch(cell.torch) if cell.torch else None
        try:
            self.resolver.lock(question(cell, wheels, torch=torch))
        except (UnsatisfiableError, UnresolvedError):
            return False
        return True

    def _built(self, name: str) -> Wheel:
        if name in self.broken:
            raise NoWheelError(f"{name}: {self.broken[name]}", self.broken[name].log)
        return self.wheels[name]

    def _requirements(self, name: str) -> list[Wheel]:
        return [self._built(each) for each in sorted(self._required.get(name, ()))]

    def _checked(self, cell: Cell) -> list[Wheel] | None:
        """Of ours, what is beside a plugin while it is checked; None if that is no more than it requires.

        A line of core that the kit declares not to fit is older than the kit, and has one in core.
        """
        if "conformance" not in cell.stages:
            return None
        kit = self.matrix.kit
        kits = [kit] if kit is not None and self._built(kit).fits(self.core(cell.line)) else []
        names = self._beside(cell.subject, *kits)
        there = {cell.subject, *self._required[cell.subject]}
        if names <= there and "check" not in self._built(cell.subject).extras:
            return None
        return [self._built(each) for each in sorted(names - {cell.subject})]

    def _beside(self, name: str, *others: str) -> frozenset[str]:
        """What a plugin, its extra ``check`` and others require of ours, and the others."""
        direct = {*others, *(self._built(name).brought_by("check") & set(self.wheels))}
        return frozenset(direct).union(*(self._required[each] for each in (name, *direct)))

    def _wheels(self, cell: Cell) -> tuple[Wheel, ...]:
        """Of ours, what the cell holds: core, what the plugin requires of others, the plugin."""
        core = self.core(cell.line)
        if cell.kind == "plugin":
            if cell.subject in self.broken:
                raise self.broken[cell.subject]
            return (core, *self._requirements(cell.subject), self._built(cell.subject))
        if cell.kind == "older":
            return (core, *self._older(cell.subject))
        if cell.kind == "checkpoint" and cell.line != next(iter(self.matrix.lines)):
            return (core, *self._older(cell.line))
        return (core, *map(self._built, self.matrix.smoke_plugins))

    def _older(self, line: str) -> tuple[Wheel, ...]:
        """The plugins that an older line had."""
        source = self.matrix.lines[line].plugins
        assert source is not None
        there = [self._there(name, source) for name in self.matrix.smoke_plugins]
        found = tuple(wheel for wheel in there if wheel is not None)
        if not found:
            raise NoWheelError(f"no plugin is where the line {line} says that its plugins are")
        return found
