"""Say what a component is in one line, read from its source without importing it."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from ._components import InstalledComponent
from ._find import EntryPoint, installed_distributions
from ._metadata import shown


def describe(component: InstalledComponent) -> str:
    """Say in one line what a component is.

    It is the first line of the docstring of the function, class or package that the entry point
    names; failing that, the summary of its distribution. The source is parsed, not run.
    """
    try:
        line = _from_source(component.value)
    except Exception:  # Whatever is wrong with a plugin's files shows when it is loaded, not here.
        line = ""
    owner = next((one for one in installed_distributions() if one.name == component.distribution), None)
    return shown(line) or (owner.metadata.summary if owner and owner.metadata else "")


def _from_source(value: str) -> str:
    parts = EntryPoint("", "", value).parts()
    return _docstring(parts[0], parts[1]).strip().partition("\n")[0] if parts else ""


def _docstring(module: str, name: str, hops: int = 3) -> str:
    """The docstring of what a module calls ``name``, or its own; followed through imports."""
    path = _source(module)
    if path is None:
        return ""
    tree = ast.parse(path.read_bytes())
    if not name:
        return ast.get_docstring(tree) or ""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return ast.get_docstring(node) or ""
        if isinstance(node, ast.ImportFrom) and hops:
            origin = next((alias.name for alias in node.names if name == (alias.asname or alias.name)), None)
            if origin:
                package = module if path.name == "__init__.py" else module.rpartition(".")[0]
                above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
                return _docstring(".".join(filter(None, [*above, node.module])), origin, hops - 1)
    return ""


def _source(module: str) -> Path | None:
    """Find the file of a module; only the top-level package is looked up, for which nothing is imported."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin else None
    for location in spec.submodule_search_locations or ():
        base = Path(location, *rest)
        for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"):
            if path.is_file():
                return path
    return None
