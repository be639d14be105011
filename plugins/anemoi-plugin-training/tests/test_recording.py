"""No artefact of a run says a password, and a run goes on for all that."""

import json

import pytest
from anemoi.core import config
from anemoi.core.checkpoint import load
from anemoi.core.cli.options import source_spec, trained_on
from anemoi.core.errors import ConfigError

from anemoi_plugin_training import prepare
from anemoi_plugin_training.earlier import interrupted
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.recording import recorded, recorded_values

from .test_resuming import leave_after, training_of

SECRET = "hunter2"
SOURCE = """
from anemoi.core import plugins

class Source(plugins.load("source", "sample")):
    def __init__(self, *, token: str, url: str = "") -> None:
        super().__init__()
        assert token == "hunter2"
"""


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A source that needs a token from the environment."""
    (tmp_path / "needs_token.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TOKEN", SECRET)
    return ["~data", "+data._target_=needs_token.Source", "+data.token='${oc.env:TOKEN}'"]


def test_values_from_the_environment_are_found_again(tmp_path, words, monkeypatch):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        training_of(*words).run(run, on_step=leave_after(2))
    monkeypatch.delenv("TOKEN")
    with pytest.raises(ConfigError, match=r"data\.token is '\$\{oc\.env:TOKEN\}', which does not resolve"):
        interrupted(run, trust_code=True)
    monkeypatch.setenv("TOKEN", SECRET)
    path = prepare(interrupted(run, trust_code=True)).run(run, resume=True)
    files = [each for each in run.rglob("*") if each.is_file()]
    assert {"configuration.json", "run.json", path.name} <= {each.name for each in files}
    for each in files:
        assert SECRET.encode() not in each.read_bytes(), each
    default = trained_on(load(path).configuration)["data"]
    assert default["token"] == "${oc.env:TOKEN}"
    assert source_spec((), default)["token"] == SECRET
    monkeypatch.delenv("TOKEN")
    with pytest.raises(ConfigError, match=r"token is .* does not resolve"):
        source_spec((), default)
    assert source_spec(("token=other",), default)["token"] == "other"


def test_a_password_of_a_url_is_masked_and_asked_for_again(tmp_path, words):
    run, url = tmp_path / "run", f"data.url=http://bob:{SECRET}@host/"
    with pytest.raises(InterruptedTraining):
        training_of(*words, f"+{url}").run(run, on_step=leave_after(2))
    values = json.loads((run / "configuration.json").read_text())["values"]
    assert values["data"]["url"] == "http://***@host/"
    with pytest.raises(ConfigError, match=r"data\.url: the user and the password .* not recorded") as caught:
        interrupted(run)
    assert "data.url=URL" in caught.value.fix
    with pytest.raises(ConfigError, match=r"data\.url cannot change"):
        interrupted(run, [f"data.url=http://bob:{SECRET}@other/"])
    assert interrupted(run, [url]).get("data.url") == f"http://bob:{SECRET}@host/"


def test_what_refers_to_a_secret_is_a_reference_and_all_else_is_as_it_is(words):
    words = [*words, "+data.url='${data.token}'", "training.seed=7", "training.steps=${training.seed}"]
    composition = config.compose("train", words)
    values = recorded(composition)["values"]
    assert values["data"] == {
        "_target_": "needs_token.Source",
        "token": "${oc.env:TOKEN}",
        "url": "${data.token}",
    }
    assert values["training"] == composition.values["training"]
    assert recorded_values(composition) == values
