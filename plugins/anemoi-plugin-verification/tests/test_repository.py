"""What holds for every plugin, whatever it does. This file is the template's."""

import ast
import json
import re
import sys
from functools import cache
from importlib.metadata import files, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DISTRIBUTION = "anemoi-plugin-verification"
PACKAGE = "anemoi_plugin_verification"


def modules():
    """The names of the modules that the source imports, also those within functions."""
    for path in (ROOT / "src").rglob("*.py"):
        if any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            continue  # What is hidden is data: a template, say.
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def offered(module, declared):
    """Whether a distribution that is declared offers a module, called after it or not."""
    first, second = [*module.split("."), ""][:2]
    # In the namespace anemoi each distribution offers one package.
    name = canonicalize_name(f"anemoi-{second}" if first == "anemoi" else first)
    return name in declared or any(first in contents(distribution) for distribution in declared)


@cache
def contents(distribution):
    return {file.parts[0].partition(".")[0] for file in files(distribution) or ()}


def test_what_is_imported_is_declared():
    asked = [Requirement(line) for line in requires(DISTRIBUTION) or []]
    declared = {canonicalize_name(each.name) for each in asked if "test" not in str(each.marker)}
    own = {*sys.stdlib_module_names, PACKAGE}
    strangers = {name for name in modules() if name.partition(".")[0] not in own}
    assert sorted(name for name in strangers if not offered(name, declared)) == []


def test_the_changelog_tells_of_this_version():
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    released = version(DISTRIBUTION).partition("+")[0]  # What follows names a commit between releases.
    assert ["##", released] in [line.split()[:2] for line in lines]


def test_the_tours_point_at_what_there_is():
    tours = list((ROOT / ".tours").glob("*.tour"))
    assert tours
    for tour in tours:
        for number, step in enumerate(json.loads(tour.read_text(encoding="utf-8"))["steps"], 1):
            file = ROOT / step["file"]
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            assert re.search(step["pattern"], text, re.MULTILINE), (
                f"Step {number} of .tours/{tour.name} looks for {step['pattern']!r} in {step['file']}, where "
                "it is no longer: write there what the step is about now, or remove the step."
            )
