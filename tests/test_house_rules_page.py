"""The house rules of docs/configuration.md keep the contract of a configuration, and take effect."""

import re
import sys
from pathlib import Path

import pytest
from anemoi.core.config import compose, validate
from anemoi_plugin_testing import check

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The plugin as the page has it, installed."""
    section = PAGE.read_text(encoding="utf-8").partition("### House rules")[2].partition("\n## ")[0]
    blocks = re.findall(
        r"^    # (\S+/conf/\S+|pyproject.toml)\n((?:    .*\n|\n(?=    (?!# \S+/)))+)", section, re.MULTILINE
    )
    files = {name: re.sub(r"^    ", "", text, flags=re.MULTILINE) for name, text in blocks}
    entry_points = files.pop("pyproject.toml").replace(
        'project.entry-points."anemoi.core.configs"', "anemoi.core.configs"
    )
    metadata = tmp_path / "src" / "our_centre-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: our-centre\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points.replace('"', ""))
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for package in ("our_centre", "our_centre/conf"):
        (tmp_path / "src" / package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    yield sorted(files)
    for module in [name for name in sys.modules if name.startswith("our_centre")]:
        del sys.modules[module]


def test_the_house_rules_of_the_page_keep_their_contract(site):
    assert site == ["src/our_centre/conf/tracker/archive.yaml", "src/our_centre/conf/train.yaml"]
    results = check("config", "our-centre:site")
    assert [str(one) for one in results if one.status != "pass"] == []


def test_the_house_rules_of_the_page_take_effect(site):
    composition = compose("train", ["tracker=[archive]"])
    settings = validate(composition)
    assert (settings.training.steps, settings.dates.start) == (200000, "1979-01-01")
    assert composition.history("training.steps")[-1].distribution == "our-centre"
    assert settings.trackers == {"archive": {"name": "jsonl"}}
