"""Whether the page on configuration shows what the commands print, and what `anemoi train` begins with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from anemoi.core import config
from anemoi.core.cli import main

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
TRAIN = ROOT / "plugins" / "anemoi-plugin-training" / "src" / "anemoi_plugin_training" / "conf" / "train.yaml"
BLOCKS = [
    re.sub("^    ", "", block, flags=re.MULTILINE)
    for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
]


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """A directory to work in, where no layer but the plugins' has anything."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ANEMOI_SITE_CONFIG", raising=False)
    (tmp_path / "conf").mkdir()
    return tmp_path


def block(beginning: str) -> str:
    [found] = [each for each in BLOCKS if each.startswith(beginning)]
    return found


@pytest.mark.parametrize("line", block("anemoi config show").splitlines())
def test_a_command_of_the_page_works(line, capsys):
    words = line.partition("#")[0].split()
    assert main(words[1:]) == 0, capsys.readouterr().err


def test_the_page_says_what_is_set():
    composition = config.compose("train")
    stated = dict(re.findall(r"`([a-z_.]+)` is\s+`?(\w+)`?[,.]", PAGE))
    assert {"training.steps", "model.processor.name"} <= stated.keys()
    assert {key: str(composition.get(key)) for key in stated} == stated


def test_the_page_shows_the_defaults_list():
    assert yaml.safe_load(block("defaults:"))["defaults"] == yaml.safe_load(TRAIN.read_text())["defaults"]


@pytest.mark.parametrize("word", re.findall(r"`(\+experiment=[\w-]+)`?,", PAGE))
def test_an_experiment_of_the_page_is_there(word):
    config.compose("train", [word])


@pytest.mark.parametrize(
    ("beginning", "text", "words"),
    [
        ("Error: The configuration 'train' has 2", "training:\n  stesp: 2000\n", ["training.batch_size=0"]),
        ("Error: /home/me/work/conf/train.yaml", "defaults:\n  - model: transfomer\n", []),
    ],
)
def test_an_error_reads_as_on_the_page(work, capsys, beginning, text, words):
    (work / "conf" / "train.yaml").write_text(text)
    assert main(["config", "validate", *words]) == 2
    printed = capsys.readouterr().err.replace(str(work), "/home/me/work").splitlines()
    for line, shown in zip(printed, block(beginning).splitlines(), strict=True):
        assert line.startswith(shown.removesuffix("..."))
        assert shown.endswith("...") or line == shown
