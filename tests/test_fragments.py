"""Whether the release train can read the changelog fragments of every distribution."""

from __future__ import annotations

from pathlib import Path

import pytest
from anemoi_meta_ci.release import fragments

ROOT = Path(__file__).parents[1]
FOLDERS = [path.parent for path in (*ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml"))]


@pytest.mark.parametrize("folder", sorted(FOLDERS), ids=lambda folder: folder.name)
def test_every_fragment_is_of_a_known_kind_and_says_something(folder):
    found = fragments(folder)
    assert all(text for _, text in found)
    # What is in the folder and ends otherwise would be passed over in silence.
    others = [path.name for path in (folder / "changes").glob("*") if path.suffix != ".md"]
    assert others == []
