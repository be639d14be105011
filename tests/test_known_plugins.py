"""Whether what core knows of the plugins beside it is what they say of themselves."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

import known_plugins
from known_plugins import FACTS, NAMES, ROOT, wanted


def test_what_core_knows_is_in_step_with_the_tree():
    stale = [
        str(path.relative_to(ROOT)) for path, text in wanted().items() if path.read_text("utf-8") != text
    ]
    assert not stale, f"{', '.join(stale)}: run python tools/known_plugins.py"


def test_it_is_small_and_has_every_plugin_with_what_a_user_asks_for():
    assert FACTS.stat().st_size < 64_000
    plugins = {each["name"]: each for each in json.loads(FACTS.read_text("utf-8"))["plugins"]}
    assert set(plugins) == {
        "anemoi-core",
        *(path.name for path in (ROOT / "plugins").glob("anemoi-plugin-*")),
    }
    for name, plugin in plugins.items():
        if name == "anemoi-core":
            continue
        text = (ROOT / "plugins" / name / "pyproject.toml").read_text("utf-8")
        assert plugin["summary"] == re.search(r'^description = "(.+)"$', text, re.MULTILINE)[1]
        assert f'"{plugin["requires"][0]}"' in text
        assert plugin["licence"] == re.search(r'^license = "([^"]+)"', text, re.MULTILINE)[1]
        assert plugin["documentation"].startswith("https://")
        assert all(component["description"] for component in plugin["components"])


def test_a_drift_is_named_and_mended(tmp_path, monkeypatch, capsys):
    (tmp_path / "core").mkdir()
    changed = tmp_path / "core" / "known_plugins.json"
    real = wanted()
    monkeypatch.setattr(
        known_plugins, "wanted", lambda: {changed: real[FACTS], tmp_path / NAMES.name: real[NAMES]}
    )
    monkeypatch.setattr(known_plugins, "ROOT", tmp_path)
    monkeypatch.setattr(known_plugins, "__file__", str(tmp_path / "tools" / "known_plugins.py"))
    (tmp_path / NAMES.name).write_text(real[NAMES], "utf-8")
    changed.write_text("{}", "utf-8")
    for words, code in ((["--check"], 1), ([], 0), (["--check"], 0)):
        monkeypatch.setattr(sys, "argv", ["known_plugins.py", *words])
        assert known_plugins.main() == code
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "core/known_plugins.json is not what the plugins say: run python tools/known_plugins.py",
        "core/known_plugins.json is written",
    ]
