"""The summary of the last run of the matrix is of the lines that core and plugins are of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "docs" / "compatibility.md"


def line(version: str) -> str:
    return ".".join(version.split(".")[:2])


def of_the_tree(folder: str) -> str:
    """The line of a distribution as it is now."""
    text = (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")
    return line(re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1])


def of_the_report(text: str) -> dict[str, str]:
    """The line of each distribution that a summary names, core's of ``main`` among them."""
    core = re.search(r"Versions of anemoi-core: .*?(\S+) \(`main`\)", text)
    assert core is not None, "the summary does not say which core it is of"
    rows = re.findall(r"^\| (anemoi-plugin-\S+) (\d\S*) \|", text, re.MULTILINE)
    return {"core": line(core[1]), **{f"plugins/{name}": line(version) for name, version in rows}}


def older(text: str) -> dict[str, str]:
    """What a summary is of another line of than the tree, and of which one."""
    there = of_the_report(text).items()
    return {name: said for name, said in there if (ROOT / name).exists() and said != of_the_tree(name)}


def test_the_report_is_of_the_lines_of_the_tree():
    text = REPORT.read_text(encoding="utf-8")
    assert older(text) == {}, "run 'make matrix', and commit docs/compatibility.md"
    assert len(of_the_report(text)) > 10


def test_one_of_an_older_line_is_found():
    text = "Versions of anemoi-core: 0.1.1 (`main`), 0.0.9 (`old`).\n\n| anemoi-plugin-zarr 0.0.1+g1 | ✓ |\n"
    assert older(text) == {"core": "0.1", "plugins/anemoi-plugin-zarr": "0.0"}
    with pytest.raises(AssertionError, match="does not say"):
        older("| anemoi-plugin-zarr | ✓ |")
