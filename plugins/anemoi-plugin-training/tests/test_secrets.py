"""What a training leaves behind and prints does not have what the environment held."""

import json
from typing import ClassVar

import pytest
from anemoi.core.checkpoint import build_model, load
from anemoi.core.cli import main
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Tracker

from anemoi_plugin_training import prepare
from anemoi_plugin_training.earlier import interrupted, recorded

from .test_run import TINY

SECRET = "hunter2-of-the-environment"
PASSWORD = "password-in-a-url"
REFERENCE = "${oc.env:ANEMOI_TEST_TOKEN}"


class Telling(Tracker):
    """Knows its token, and writes down all else that it is told."""

    given: ClassVar[list[str]] = []

    def __init__(self, *, directory, token: str = "", header: str = "", url: str = ""):
        self.given[:] = [token, header]
        self.file = directory / "told.json"

    def start(self, run, parameters):
        self.file.write_text(json.dumps([run, parameters]))

    def metrics(self, step, values):
        pass

    artefact = finish = lambda self, *_: None


WORDS = [
    *TINY,
    f"+trackers.mine._target_={__name__}.Telling",
    f"+trackers.mine.token={REFERENCE}",
    f"+trackers.mine.url=https://bob:{PASSWORD}@example.org/",
    "+trackers.mine.header='Bearer ${trackers.mine.token}'",
    "model.channels=${oc.decode:${oc.env:ANEMOI_TEST_CHANNELS}}",
    "training.checkpoint.every_steps=1",
]


@pytest.fixture
def held(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANEMOI_TEST_TOKEN", SECRET)
    monkeypatch.setenv("ANEMOI_TEST_CHANNELS", "8")
    return tmp_path


def test_values_of_the_environment_stay_references(held, capfd, monkeypatch):
    assert main(["train", *WORDS, "--output", "run"]) == 0
    assert Telling.given == [SECRET, f"Bearer {SECRET}"]
    assert main(["config", "show", *WORDS]) == 0
    assert main(["config", "explain", "trackers.mine", *WORDS]) == 0
    assert main(["config", "validate", *WORDS, f"training.steps={REFERENCE}"]) == 2
    assert main(["checkpoint", "inspect", "--json", "run/checkpoint.safetensors"]) == 0
    printed = capfd.readouterr()
    assert f"training.steps: expected int >= 1, got {REFERENCE!r}" in printed.err
    for secret in (SECRET, PASSWORD):
        assert secret not in printed.out + printed.err
    files = [path for path in held.rglob("*") if path.is_file()]
    assert {"checkpoint.safetensors", "run.json", "told.json"} <= {path.name for path in files}
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
        assert PASSWORD.encode() not in path.read_bytes(), path
    checkpoint = load("run/checkpoint.safetensors")
    trackers = checkpoint.configuration["trackers"]["mine"]
    assert (trackers["token"], trackers["header"]) == (REFERENCE, "Bearer ${trackers.mine.token}")
    monkeypatch.delenv("ANEMOI_TEST_CHANNELS")
    assert checkpoint.configuration["model"]["channels"] == 8
    build_model(checkpoint)  # what the model is made of is known without the environment


def test_what_was_recorded_looks_up_the_environment_only_if_trusted(held):
    assert main(["train", *WORDS, "--output", "run"]) == 0
    path = held / "run" / "checkpoint.safetensors"
    with pytest.raises(ConfigError, match=r"token was recorded as .* asks for what the environment holds"):
        recorded(path)
    given = recorded(path, ["trackers.mine.token=other"])
    assert given.values["trackers"]["mine"]["header"] == "Bearer other"
    trusted = recorded(path, trust_code=True)
    assert trusted.values["trackers"]["mine"]["token"] == SECRET
    assert trusted.recorded["trackers"]["mine"]["token"] == REFERENCE
    assert prepare(trusted).checkpoint.configuration["trackers"]["mine"]["token"] == REFERENCE


def test_a_run_goes_on_with_what_the_environment_holds_by_then(held, monkeypatch):
    assert main(["train", *WORDS, "--output", "run"]) == 0
    record = json.loads((held / "run" / "run.json").read_text())
    (held / "run" / "run.json").write_text(json.dumps({**record, "status": "interrupted"}))
    (held / "run" / "checkpoint.safetensors").unlink()
    monkeypatch.setenv("ANEMOI_TEST_TOKEN", "renewed")
    monkeypatch.setenv("ANEMOI_TEST_CHANNELS", "16")
    with pytest.raises(ConfigError, match="--trust-code"):
        interrupted(held / "run")
    with pytest.raises(ConfigError, match=r"trackers\.mine\.url: the user and the password .* not recorded"):
        interrupted(held / "run", trust_code=True)
    again = [f"trackers.mine.url=https://bob:{PASSWORD}@example.org/"]
    values = interrupted(held / "run", again, trust_code=True).values
    assert PASSWORD in values["trackers"]["mine"]["url"]
    assert values["trackers"]["mine"]["token"] == "renewed"
    assert values["model"]["channels"] == 8  # the weights that are there
