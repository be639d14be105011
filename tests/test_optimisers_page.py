"""Whether the page on optimisers and schedules has every component with its options, and every check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from anemoi.core.config.options import options
from anemoi.core.plugins import components, load
from anemoi_plugin_testing import checks

PAGE = (Path(__file__).parents[1] / "docs" / "optimisers.md").read_text(encoding="utf-8")


def rows(section: str) -> dict[str, str]:
    """The rows of the table in a section, by what stands first in each."""
    text = PAGE.partition(f"# {section}\n")[2].partition("\n#")[0]
    return dict(re.findall(r"^\| `([\w-]+)` \|(.*)\|$", text, re.MULTILINE))


@pytest.mark.parametrize(("kind", "section"), [("optimiser", "Optimisers"), ("schedule", "Schedules")])
def test_the_page_has_every_component_with_its_options(kind, section):
    found = rows(section)
    assert set(found) == {
        one.name for one in components(kind) if one.distribution == "anemoi-plugin-training"
    }
    for name, row in found.items():
        assert [each for each in options(load(kind, name), kind=kind) if f"`{each}`" not in row] == []


@pytest.mark.parametrize("kind", ["optimiser", "schedule"])
def test_the_page_has_every_check_and_its_contract(kind):
    found = {name: contract.strip() for name, contract in rows(f"Checks of {kind}s").items()}
    assert found == {each.name: each.contract.replace("``", "`") for each in checks(kind)}
