"""Values of the environment are used, and shown and recorded as references."""

from __future__ import annotations

from pathlib import Path

import pytest

from anemoi.core.cli import main
from anemoi.core.cli.options import source_spec
from anemoi.core.config import Composition, compose, layers, override
from anemoi.core.errors import ConfigError

DEMO = """
token: ${oc.env:DEMO_TOKEN}
header: Bearer ${token}
list: [a, "${header}"]
with_default: ${oc.env:DEMO_NOTHING,none}
copy: ${part}
part: {inner: "${token}", other: 1}
plain: 3
same: ${plain}
"""
SECRET = "hunter2"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Composition:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DEMO_TOKEN", SECRET)
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    monkeypatch.setattr(layers, "CORE_DEFAULTS", tmp_path / "core")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "demo.yaml").write_text(DEMO)
    return compose("demo")


def test_what_depends_on_the_environment_is_recorded_as_it_was_written(demo: Composition) -> None:
    assert demo.values["header"] == f"Bearer {SECRET}"
    assert demo.values["copy"] == {"inner": SECRET, "other": 1}
    assert demo.recorded == {
        "token": "${oc.env:DEMO_TOKEN}",
        "header": "Bearer ${token}",
        "list": ["a", "${header}"],
        "with_default": "${oc.env:DEMO_NOTHING,none}",
        "copy": "${part}",
        "part": {"inner": "${token}", "other": 1},
        "plain": 3,
        "same": 3,
    }
    kept = demo.recorded_except(["part", "h*r"])
    assert kept["part"] == {"inner": SECRET, "other": 1}
    assert (kept["header"], kept["token"]) == (f"Bearer {SECRET}", "${oc.env:DEMO_TOKEN}")
    assert demo.to_dict()["values"] == demo.recorded


def test_what_was_recorded_resolves_again_for_whoever_trusts_it(demo: Composition) -> None:
    record = demo.to_dict()
    with pytest.raises(ConfigError, match=r"token was recorded as .*asks for what the environment holds"):
        override(Composition.from_dict(record), ["plain=4"])
    again = override(Composition.from_dict(record, trust_code=True), ["plain=4"])
    assert again.values["list"] == ["a", f"Bearer {SECRET}"]
    assert again.recorded == {**demo.recorded, "plain": 4}
    given = ["token=x", "with_default=y"]
    assert override(Composition.from_dict(record), given).values["copy"] == {"inner": "x", "other": 1}
    own = override(Composition.from_dict(record), ["token=${oc.env:DEMO_TOKEN}", "with_default=y"])
    assert own.values["token"] == SECRET


def test_neither_show_nor_explain_tells_it(demo: Composition, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["show"], ["show", "--json"], ["explain", "header"], ["explain", "--json", "copy"]):
        assert main(["config", *words, "--config", "demo"]) == 0
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err
    assert "header = 'Bearer ${token}'" in printed.out


def test_a_source_of_the_environment_must_be_named_anew() -> None:
    default = {"name": "zarr", "path": "${oc.env:DEMO_DATA}/x.zarr"}
    with pytest.raises(ConfigError, match="--source path=VALUE"):
        source_spec((), default)
    assert source_spec(("path=y.zarr",), default) == {"name": "zarr", "path": "y.zarr"}
