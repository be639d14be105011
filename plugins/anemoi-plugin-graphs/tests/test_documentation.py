from __future__ import annotations

import doctest
from pathlib import Path

from anemoi_plugin_graphs.icosahedral import IcosahedralGraph

PAGE = Path(__file__).parent.parent / "docs" / "index.md"


def test_the_example_prints_what_it_says():
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0


def test_the_table_has_every_option_with_its_default():
    words = {True: "true", None: "null"}
    for option, default in vars(IcosahedralGraph()).items():
        row = f"| `{option}` | {words[default] if default is True or default is None else default} |"
        assert row in PAGE.read_text(encoding="utf-8")
