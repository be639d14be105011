"""What holds for every plugin, whatever it does. This file is the template's."""

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DISTRIBUTION = "{{ cookiecutter.__distribution }}"
PACKAGE = "{{ cookiecutter.__package }}"


def modules():
    """The names of the modules that the source imports, also those within functions."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def distributions(module):
    """The distributions that may offer a module; in the namespace ``anemoi`` each offers one."""
    top, _, rest = module.partition(".")
    if top == "anemoi":
        return {f"anemoi-{rest.partition('.')[0]}"}
    return {canonicalize_name(name) for name in packages_distributions().get(top, [top])}


def test_what_is_imported_is_declared():
    asked = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    declared = {canonicalize_name(each.name) for each in asked if "extra" not in str(each.marker)}
    own = {*sys.stdlib_module_names, PACKAGE}
    strangers = {name for name in modules() if name.partition(".")[0] not in own}
    assert sorted(name for name in strangers if not distributions(name) & declared) == []


def test_the_changelog_tells_of_this_version():
    assert f"\n## {version(DISTRIBUTION)} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_tours_point_at_what_there_is():
    tours = list((ROOT / ".tours").glob("*.tour"))
    assert tours
    for tour in tours:
        for step in json.loads(tour.read_text(encoding="utf-8"))["steps"]:
            text = (ROOT / step["file"]).read_text(encoding="utf-8")
            assert re.search(step["pattern"], text, re.MULTILINE), (tour.name, step)
