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


@pytest.mark.parametrize("word", ["model.processor.name=wheel", "model/processor=wheel"])
@pytest.mark.parametrize(
    ("files", "processor"),
    [
        ({}, {}),
        ({"wheels/conf/model/wheel.yaml": "processor: {name: wheel, spokes: 12}"}, {"spokes": 12}),
        # A later layer's version of the file, and a group of the part, come before.
        (
            {
                "wheels/conf/model/wheel.yaml": "processor: {name: wheel, spokes: 12, rim: {width: 2}}",
                "work/conf/model/wheel.yaml": "processor: {spokes: 20}",
            },
            {"spokes": 20, "rim": {"width": 2}},
        ),
        (
            {
                "wheels/conf/model/wheel.yaml": "processor: {name: wheel, spokes: 12}",
                "work/conf/model/processor/wheel.yaml": "{name: wheel, spokes: 7}",
            },
            {"spokes": 7},
        ),
        # A file of its distribution under another name, if there is one alone.
        ({"wheels/conf/model/round.yaml": "processor: {name: Wheel, spokes: 12}"}, {"spokes": 12}),
        (
            {
                "wheels/conf/model/big.yaml": "processor: {name: wheel, spokes: 40}",
                "wheels/conf/model/small.yaml": "processor: {name: wheel, spokes: 4}",
            },
            {},
        ),
        # Not what others write of it, nor what goes somewhere else, nor what names another there.
        ({"engines/conf/model/other.yaml": "processor: {name: wheel, spokes: 12}"}, {}),
        ({"wheels/conf/model/wheel.yaml": "# @package else\nprocessor: {name: wheel, spokes: 12}"}, {}),
        ({"wheels/conf/model/wheel.yaml": "processor: {name: turbine, spokes: 12}"}, {}),
    ],
)
def test_another_takes_what_its_own_plugin_configures(
    conf: Path, tmp_path: Path, word: str, files: dict[str, str], processor: dict[str, object]
) -> None:
    for name, text in files.items():
        path = tmp_path / name if name.startswith("work") else tmp_path / "path" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert compose("demo", [word]).get("model.processor") == {"name": "wheel", **processor}
    for words in ([word, "model.processor.spokes=9"], ["model.processor.spokes=9", word]):
        chosen = compose("demo", words)
        assert chosen.get("model.processor") == {"name": "wheel", **processor, "spokes": 9}
        assert chosen.history("model.processor.spokes")[-1].layer == "command line"


def test_explaining_tells_where_the_plugin_of_another_configures_it(conf: Path, tmp_path: Path) -> None:
    (tmp_path / "path" / "wheels" / "conf" / "model").mkdir()
    file = tmp_path / "path" / "wheels" / "conf" / "model" / "wheel.yaml"
    file.write_text("name: engine\nprocessor:\n  name: wheel\n  spokes: 12\n")
    composition = compose("demo", ["model.processor.name=wheel"])
    [spokes] = composition.history("model.processor.spokes")
    assert (spokes.where, spokes.distribution) == (f"{file}:4", "wheels")
    assert [origin.value for origin in composition.history("model.processor.name")] == ["turbine", "wheel"]
    # A file that names its own component is laid once, as any other.
    file.write_text("defaults: [turbine]\nprocessor:\n  name: wheel\n  spokes: 12\n")
    whole = compose("demo", ["model=wheel"])
    assert whole.get("model") == {
        "name": "engine",
        "channels": 32,
        "processor": {"name": "wheel", "spokes": 12},
    }
    assert len(whole.history("model.processor.spokes")) == 1


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
    assert compose("demo", ["model/processor=wheel"]).get("model.processor") == {"name": "wheel"}
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
