"""The matrix proves of every plugin here that its components keep their contracts."""

from __future__ import annotations

import re
from pathlib import Path

from anemoi_meta_ci.matrix import load

ROOT = Path(__file__).parents[1]


def offers_components(name: str) -> bool:
    text = (ROOT / "plugins" / name / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^\[project\.entry-points\."anemoi\.core\.', text, re.MULTILINE) is not None


def test_every_plugin_that_offers_a_component_is_checked_for_its_contract():
    plugins = load(ROOT / "compat-matrix.yaml").plugins
    here = {path.name for path in (ROOT / "plugins").glob("anemoi-plugin-*")}
    assert here <= set(plugins)
    checked = {name for name in here if "conformance" in plugins[name].tests}
    assert checked == {name for name in here if offers_components(name)}
    assert here - checked == {"anemoi-plugin-layers"}
