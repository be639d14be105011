"""The tests that pages name as proof exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = {
    name
    for path in HERE.rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
}


@pytest.mark.parametrize("page", ["safety.md", "operations.md"])
def test_the_tests_that_a_page_names_are_there(page):
    named = set(re.findall(r"`(test_\w+)`", (HERE.parent / "docs" / page).read_text()))
    assert named
    assert named - TESTS == set()
