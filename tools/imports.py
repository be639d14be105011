"""Which module of this repository imports which, as its sources say."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Import:
    """One name that a module imports.

    Parameters
    ----------
    origin, name
        As it is written, ``from origin import name``; no name for ``import origin``.
    home
        The module of ours that it means: of a name that a package passes on, the one that defines it.
    """

    origin: str
    name: str
    home: str


@dataclass(frozen=True)
class Module:
    """A module of ours.

    Parameters
    ----------
    name
        As Python calls it: ``anemoi.core.config.build``.
    distribution
        Its distribution: ``anemoi-core``.
    package
        The package that it is in, or is.
    imports
        What it imports of ours, in functions as well; not what it imports for type checkers alone.
    """

    name: str
    distribution: str
    package: str
    imports: tuple[Import, ...]

    @property
    def homes(self) -> frozenset[str]:
        """The other modules that it imports."""
        return frozenset(each.home for each in self.imports) - {self.name}


@cache
def modules(root: Path = ROOT) -> Mapping[str, Module]:
    """Every module of core, of meta-ci and of the plugins, by name."""
    sources = {
        name: _Source(name, path, distribution)
        for distribution, folder in distributions(root).items()
        for name, path in _files(folder / "src")
    }
    return {
        name: Module(name, source.distribution, source.package, tuple(_imports(source, sources)))
        for name, source in sources.items()
    }


def distributions(root: Path = ROOT) -> dict[str, Path]:
    """The folder of each distribution, core first."""
    plugins = sorted(path.parent for path in (root / "plugins").glob("*/pyproject.toml"))
    return {"anemoi-core": root / "core", "anemoi-meta-ci": root / "meta-ci"} | {
        folder.name: folder for folder in plugins
    }


def circles(arrows: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Those that import one another, directly or not: each such set once, sorted."""
    all_reached = {name: reached(name, arrows) for name in arrows}
    found = {
        tuple(sorted(other for other in others if name in all_reached.get(other, ())))
        for name, others in all_reached.items()
        if name in others
    }
    return sorted(found)


def reached(name: str, arrows: Mapping[str, Iterable[str]]) -> set[str]:
    """All that one imports, directly or not."""
    seen: set[str] = set()
    todo = [*arrows.get(name, ())]
    while todo:
        if (other := todo.pop()) not in seen:
            seen.add(other)
            todo += arrows.get(other, ())
    return seen


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if all(part.isidentifier() for part in parts):  # a template's files are no modules
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


class _Source:
    """The text of a module."""

    def __init__(self, name: str, path: Path, distribution: str) -> None:
        self.name, self.distribution = name, distribution
        self.is_package = path.name == "__init__.py"
        self.package = name if self.is_package else name.rpartition(".")[0]
        self.tree = ast.parse(path.read_text(encoding="utf-8"))

    @property
    def imported(self) -> Iterator[tuple[str, str]]:
        """What it imports when it is run, and whence."""
        for node in _walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, "") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((self._origin(node), alias.name) for alias in node.names)

    @cached_property
    def passed_on(self) -> Mapping[str, tuple[str, str]]:
        """Where a package has the names from that it passes on; it tells type checkers of the lazy ones."""
        return {
            alias.asname or alias.name: (self._origin(node), alias.name)
            for node in (ast.walk(self.tree) if self.is_package else ())
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }

    def _origin(self, node: ast.ImportFrom) -> str:
        parts = self.package.split(".")
        above = parts[: len(parts) - node.level + 1] if node.level else []
        return ".".join(filter(None, [*above, node.module]))


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that are for type checkers alone."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo += node.orelse if _for_type_checkers(node) else ast.iter_child_nodes(node)


def _for_type_checkers(node: ast.AST) -> TypeGuard[ast.If]:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(source: _Source, sources: Mapping[str, _Source]) -> Iterator[Import]:
    for origin, name in sorted(set(source.imported)):
        if home := _home(origin, name, sources):
            yield Import(origin, name, home)


def _home(origin: str, name: str, sources: Mapping[str, _Source]) -> str:
    """The module of ours that an import means; empty if it is not ours."""
    if (module := f"{origin}.{name}") in sources:
        return module
    if origin not in sources:
        return ""
    further = sources[origin].passed_on.get(name)
    return (_home(*further, sources) if further else "") or origin
