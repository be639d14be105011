"""Naming another component for a section drops the options of the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from anemoi.core.config import Composition, compose, layers, override
from anemoi.core.errors import ConfigError

DEMO = "defaults: [model: turbine, _self_]\nname: ordinary\nsection: {name: ordinary, size: 1}\n"
TURBINE = """\
name: engine
channels: 32
processor:
  name: turbine
  blades: 3
  speed: {low: 1, high: 2}
"""


def offer(path: Path, distribution: str, *entries: str) -> None:
    metadata = path / f"{distribution}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    package = path / distribution.replace("-", "_")
    (package / "conf").mkdir(parents=True)
    (package / "conf" / "__init__.py").write_text("")
    groups = [f"[anemoi.core.configs]\n{distribution} = {package.name}.conf\n"]
    for entry in entries:
        kind, name = entry.split(":")
        groups.append(f"[anemoi.core.{kind}s]\n{name} = nowhere:Thing\n")
    (metadata / "entry_points.txt").write_text("".join(groups))


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory layer; the plugin ``engines`` brings the configuration and its components."""
    offer(tmp_path / "path", "engines", "model:engine", "processor:turbine")
    offer(tmp_path / "path", "wheels", "processor:wheel")
    plugin = tmp_path / "path" / "engines" / "conf"
    (plugin / "model").mkdir()
    (plugin / "demo.yaml").write_text(DEMO)
    (plugin / "model" / "turbine.yaml").write_text(TURBINE)
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    monkeypatch.setattr(layers, "CORE_DEFAULTS", tmp_path / "core")
    conf = tmp_path / "work" / "conf"
    conf.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return conf


@pytest.mark.parametrize(
    ("words", "processor"),
    [
        (["model.processor.name=wheel"], {"name": "wheel"}),
        (["model/processor=wheel"], {"name": "wheel"}),
        (["model/processor=wheel", "model.processor.spokes=9"], {"name": "wheel", "spokes": 9}),
        (["model.processor.spokes=9", "model/processor=wheel"], {"name": "wheel", "spokes": 9}),
        (["model.processor.speed.low=9", "model/processor=wheel"], {"name": "wheel", "speed": {"low": 9}}),
        (["model.processor={name: wheel, spokes: 9}"], {"name": "wheel", "spokes": 9}),
        (["model.processor._target_=my.Wheel"], {"_target_": "my.Wheel"}),
        (["model.processor._target_=my.Wheel", "model.processor.name=wheel"], {"name": "wheel"}),
        (["model/processor=wheels:wheel"], {"name": "wheels:wheel"}),
        (["model.processor.name=turbine", "model.processor.blades=4"], {"blades": 4}),
        (["model.processor.name=Engines:turbine"], {"name": "Engines:turbine"}),
        (["model.processor.name=nothing-known"], {"name": "nothing-known"}),
    ],
)
def test_the_command_line_names_another(conf: Path, words: list[str], processor: dict[str, object]) -> None:
    composition = compose("demo", words)
    before = {"name": "turbine", "blades": 3, "speed": {"low": 1, "high": 2}}
    kept = {} if "wheel" in str(words).lower() else before
    assert composition.get("model.processor") == {**kept, **processor}
    assert composition.get("model.channels") == 32


def test_the_history_is_that_of_the_new_component(conf: Path) -> None:
    (conf / "demo.yaml").write_text("model:\n  processor:\n    name: wheel\n    blades: 7\n")
    composition = compose("demo")
    assert composition.get("model.processor") == {"name": "wheel", "blades": 7}
    assert [origin.value for origin in composition.history("model.processor.name")] == ["turbine", "wheel"]
    assert [origin.value for origin in composition.history("model.processor.blades")] == [7]
    assert not [key for key in composition.origins if "speed" in key]
    again = compose("demo", ["model.processor._target_=my.Wheel"])
    assert [origin.value for origin in again.history("model.processor._target_")] == [
        "turbine",
        "wheel",
        "my.Wheel",
    ]


def test_a_whole_model_is_replaced_with_its_parts(conf: Path) -> None:
    (conf / "demo.yaml").write_text("model: {name: wheel, spokes: 2}\n")
    assert compose("demo", ["model.channels=8"]).get("model") == {"name": "wheel", "spokes": 2, "channels": 8}


def test_a_name_that_is_an_ordinary_option_replaces_nothing(conf: Path) -> None:
    values = compose("demo", ["name=wheel", "section.name=other"]).values
    assert values["section"] == {"name": "other", "size": 1}
    assert set(values) == {"name", "section", "model"}


def test_a_group_of_parts_is_chosen_without_an_entry_in_a_defaults_list(conf: Path) -> None:
    (conf / "model" / "processor").mkdir(parents=True)
    (conf / "model" / "processor" / "wide.yaml").write_text("name: wheel\nspokes: 40\n")
    composition = compose("demo", ["model/processor=wide", "model.processor.tyre=true"])
    assert composition.get("model.processor") == {"name": "wheel", "spokes": 40, "tyre": True}
    assert composition.history("model.processor.spokes")[-1].line == 2
    with pytest.raises(ConfigError, match="no 'wdie' in the configuration group 'model/processor'"):
        compose("demo", ["model/processor=wdie"])


def test_a_record_takes_another_component_as_well(conf: Path) -> None:
    record = Composition.from_dict(compose("demo", ["model.processor.blades=9"]).to_dict())
    changed = override(record, ["model.processor.spokes=4", "model/processor=wheel"])
    assert changed.get("model.processor") == {"name": "wheel", "spokes": 4}


def test_a_plugin_s_file_means_its_own_component_where_two_have_the_name(conf: Path, tmp_path: Path) -> None:
    offer(tmp_path / "path", "rivals", "processor:turbine")
    composition = compose("demo", ["model.processor.blades=4"])
    assert composition.get("model.processor.name") == "engines:turbine"
    assert composition.get("model.processor.blades") == 4
    assert compose("demo", ["model/processor=rivals:turbine"]).get("model.processor") == {
        "name": "rivals:turbine"
    }
    # What a user writes stays as it is: it is ambiguous, and loading it will say so.
    assert compose("demo", ["model.processor.name=turbine"]).get("model.processor.name") == "turbine"
