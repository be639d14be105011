"""Whether the page on callbacks has every component with its options, and every check."""

from __future__ import annotations

import re
from pathlib import Path

from anemoi.core.config.options import options
from anemoi.core.plugins import components, load
from anemoi_plugin_testing import checks

PAGE = (Path(__file__).parents[1] / "docs" / "callbacks.md").read_text(encoding="utf-8")


def rows(section: str) -> dict[str, str]:
    """The rows of the table in a section, by what stands first in each."""
    text = PAGE.partition(f"# {section}\n")[2].partition("\n#")[0]
    return dict(re.findall(r"^\| `([\w-]+)` \|(.*)\|$", text, re.MULTILINE))


def test_the_page_has_every_component_with_its_options():
    found = rows("Components")
    ours = ("anemoi-plugin-training", "anemoi-plugin-verification")
    assert set(found) == {one.name for one in components("callback") if one.distribution in ours}
    for name, row in found.items():
        assert [each for each in options(load("callback", name), kind="callback") if each not in row] == []


def test_the_page_has_every_check_and_its_contract():
    found = {name: contract.strip() for name, contract in rows("Checks of callbacks").items()}
    assert found == {each.name: each.contract.replace("``", "`") for each in checks("callback")}
