"""Holds what a wheel imports against what it declares."""

from __future__ import annotations

import ast
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import canonicalize_name

from .wheels import Wheel


def undeclared(wheel: Wheel, installed: Mapping[str, Sequence[str]]) -> list[str]:
    """One line for each module that a wheel imports, and that only something else brings.

    A dependency of a dependency may be there today and gone tomorrow. What is imported for type checkers
    alone, or in a ``try`` that goes on without it, may be absent and is left out; what an extra brings is
    declared, but for the extra ``test``.

    Parameters
    ----------
    installed
        In the environment of the wheel, for each top-level module the distributions that offer it.
    """
    declared = {
        canonicalize_name(each.name) for each in wheel.requirements if "test" not in str(each.marker or "")
    } | {wheel.name}
    said: dict[str, str] = {}
    with zipfile.ZipFile(wheel.path) as archive:
        named = (name for name in archive.namelist() if name.endswith(".py"))
        # What cannot be imported is no module, but the file of a template, say.
        files = [name for name in named if all(map(str.isidentifier, name[:-3].split("/")))]
        own = {name.split("/")[0].removesuffix(".py") for name in files} - {"anemoi"}
        for file in files:
            for module, line in _imports(archive.read(file)):
                top = module.partition(".")[0]
                offering = {canonicalize_name(each) for each in installed.get(top, ())}
                if top in own or top in sys.stdlib_module_names or not offering or offering & declared:
                    continue
                brings = " or ".join(sorted(offering))
                said.setdefault(
                    top, f"imports {module}, which {brings} brings, and does not declare it ({file}:{line})"
                )
    return list(said.values())


def _imports(text: bytes) -> Iterator[tuple[str, int]]:
    """The modules that a file needs, and the lines; none if it does not parse, which importing it tells."""
    try:
        todo: list[ast.AST] = [ast.parse(text)]
    except (SyntaxError, ValueError):
        return
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            todo += node.orelse
        elif isinstance(node, ast.Try) and any(map(_goes_on, node.handlers)):
            todo += [*node.handlers, *node.orelse, *node.finalbody]
        else:
            todo += ast.iter_child_nodes(node)


def _goes_on(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return not caught or any(name in caught for name in ("ImportError", "ModuleNotFoundError"))
