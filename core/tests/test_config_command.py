"""The command ``anemoi config``, with an invented plugin that brings a configuration and a component."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from anemoi.core.cli import main
from anemoi.core.plugins import _load

PLUGIN = '''
"""A plugin."""
from __future__ import annotations
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from anemoi.core.config import Component, Spec
from anemoi.core.interfaces import Tracker
from pydantic import Field


class Abacus(Tracker):
    """Counts with beads.

    Parameters
    ----------
    beads
        How many beads there are. Ten, as a rule.
    """

    def __init__(self, *, beads: Annotated[int, Field(ge=1)] = 10, colour: str = "red") -> None: ...
    def start(self, run: str, parameters: Mapping[str, Any]) -> None: ...
    def metrics(self, values: Mapping[str, float], step: int) -> None: ...
    def artefact(self, path: Path) -> None: ...
    def finish(self, status: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of a demonstration.

    Parameters
    ----------
    seed
        Of all that is drawn.
    """

    counter: Annotated[Spec, Component("tracker")]
    seed: int = 0
'''


def test_the_configuration_of_a_forecast_is_checked_and_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def said(*words: str, code: int = 0) -> str:
        assert main(["config", words[0], "--config", "forecast", *words[1:]]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    assert "The configuration 'forecast' is right" in said("validate")
    assert "limit: at least 1.\n  at the command line" in said("validate", "limit=0.5", code=2)
    assert "expected int, got 'many'" in said("validate", "--json", "members=many", code=2)
    assert "feeds  the command itself, limit: float = 10.0" in said("explain", "limit")
    assert "lead_time: str = '10d'" in said("schema")


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "path" / "counting_plugin"
    (package / "conf" / "counter").mkdir(parents=True)
    (package / "__init__.py").write_text(PLUGIN)
    (package / "conf" / "__init__.py").write_text("from .. import Settings\nSETTINGS = {'demo': Settings}\n")
    (package / "conf" / "demo.yaml").write_text("defaults:\n  - counter: abacus\n  - _self_\n\nseed: 1\n")
    (package / "conf" / "counter" / "abacus.yaml").write_text("name: abacus\nbeads: 7\n")
    metadata = tmp_path / "path" / "counting_plugin-1.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: counting-plugin\nVersion: 1.5\n")
    (metadata / "entry_points.txt").write_text(
        "[anemoi.core.configs]\ncounting = counting_plugin.conf\n"
        "[anemoi.core.trackers]\nabacus = counting_plugin:Abacus\n"
    )
    work = tmp_path / "work"
    (work / "conf").mkdir(parents=True)
    (work / "conf" / "demo.yaml").write_text("counter:\n  beads: 9\n")
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    monkeypatch.chdir(work)
    monkeypatch.setattr(_load, "_loaded", {})
    for module in [name for name in sys.modules if name.startswith("counting_plugin")]:
        monkeypatch.delitem(sys.modules, module)
    return work


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["config", *arguments, *(() if arguments[0] == "layers" else ("--config", "demo"))]) == code
    output = capsys.readouterr()
    return output.out if code == 0 or "--json" in arguments else output.err


def test_show_prints_what_a_run_would_have(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = {"counter": {"name": "abacus", "beads": 9}, "seed": 4}
    assert yaml.safe_load(run(capsys, "show", "seed=4")) == expected
    assert json.loads(run(capsys, "show", "seed=4", "--json")) == expected


def test_explain_says_everything_of_a_value(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin = work.parent / "path" / "counting_plugin" / "conf" / "counter" / "abacus.yaml"
    assert run(capsys, "explain", "counter.beads", "counter.beads=11").splitlines() == [
        "counter.beads = 11",
        "  from   the command line",
        f"  over   9  directory, {work}/conf/demo.yaml:2",
        f"  over   7  plugins (counting-plugin), {plugin}:2",
        "  feeds  tracker abacus (counting-plugin 1.5), beads: int >= 1 = 10",
        "         How many beads there are.",
    ]


def test_explain_shows_an_interpolation_and_what_it_comes_to(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "explain", "seed", "seed=${counter.beads}").splitlines()[:2] == [
        "seed = 9",
        "  from   '${counter.beads}'  the command line",
    ]


def test_explain_knows_a_default_that_nothing_sets(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "explain", "counter.colour").splitlines() == [
        "counter.colour = 'red'",
        "  from   the default; nothing sets it",
        "  feeds  tracker abacus (counting-plugin 1.5), colour: str = 'red'",
    ]


def test_explain_of_a_section_explains_every_value_in_it(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(run(capsys, "explain", "counter", "--json"))
    assert [(each["key"], each["value"]) for each in found] == [
        ("counter.name", "abacus"),
        ("counter.beads", 9),
    ]
    assert [place["layer"] for place in found[1]["history"]] == ["plugins", "directory"]
    assert found[1]["feeds"] == {
        "component": "tracker abacus (counting-plugin 1.5)",
        "parameter": "beads",
        "type": "int >= 1",
        "required": False,
        "default": 10,
        "doc": "How many beads there are.",
    }


def test_explain_works_while_something_else_is_wrong(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "seed = 1" in run(capsys, "explain", "seed", "counter.name=nothing")


def test_validate(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is right" in run(capsys, "validate")
    assert json.loads(run(capsys, "validate", "--json")) == []
    (work / "conf" / "demo.yaml").write_text("counter:\n  baeds: 9\n  beads: 0\n")
    error = run(capsys, "validate", code=2)
    assert f"at {work}/conf/demo.yaml:2" in error
    assert "Did you mean 'beads'?" in error
    assert "counter.beads: expected int >= 1, got 0." in error
    found = json.loads(run(capsys, "validate", "--json", code=2))
    assert {each["key"] for each in found} == {"counter.baeds", "counter.beads"}


def test_layers_lists_them_in_order(work: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = json.loads(run(capsys, "layers", "--json"))
    names = list(dict.fromkeys(row["name"] for row in rows))
    assert names == ["core", "plugins", "user", "directory"]
    problems = {row["name"]: row["problem"] for row in rows}
    assert problems["user"] == "there is no such directory"
    assert problems["directory"] is None
    assert run(capsys, "layers").splitlines()[-1].startswith("command line")


def test_schema_declares_every_key(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "schema").splitlines()
    assert "counter.beads: int >= 1 = 10" in lines
    assert "    How many beads there are." in lines
    schema = json.loads(run(capsys, "schema", "--json"))
    assert set(schema["properties"]) == {"counter", "seed"}
    assert schema["additionalProperties"] is False
    counter = schema["$defs"]["counter"]
    assert counter["properties"]["beads"]["minimum"] == 1
    assert counter["properties"]["beads"]["description"] == "How many beads there are."
    assert counter["required"] == ["name"]


def test_a_plugin_that_does_not_import_is_told_of_by_name(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work.parent / "path" / "counting_plugin" / "__init__.py").write_text("import nothing_of_that_name")
    error = run(capsys, "validate", code=5)
    assert "counting-plugin" in error
    assert "nothing_of_that_name" in error
