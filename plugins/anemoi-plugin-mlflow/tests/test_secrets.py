"""Neither the spool nor what is delivered says with which password something is opened."""

import pytest
from anemoi.core import config
from anemoi.core.cli import main
from anemoi_plugin_training import prepare

from anemoi_plugin_mlflow import delivery
from anemoi_plugin_mlflow.spool import Spool

PASSWORD, TOKEN = "hunter2", "sesame-9"
SOURCE = """
from anemoi.core import plugins

class Source(plugins.load("source", "sample")):
    def __init__(self, *, token: str) -> None:
        super().__init__()
        assert token == "sesame-9"
"""
WORDS = [
    "tracker=[jsonl,mlflow]",
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=2",
    "training.rollout_steps=0",
    "trackers.mlflow.system_metrics_every=0",
    "~data",
    "+data._target_=token_source.Source",
    "+data.token='${oc.env:SECRET}'",
]


@pytest.fixture(autouse=True)
def source(tmp_path, monkeypatch):
    (tmp_path / "token_source.py").write_text(SOURCE.replace(TOKEN, '" "'.join(TOKEN)))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SECRET", TOKEN)


def check(folder):
    """Grep every file, and give their names."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    for each in files:
        for secret in (PASSWORD, TOKEN):
            assert secret.encode() not in each.read_bytes(), each
    return {each.name for each in files}


def test_no_artefact_of_a_run_nor_the_store_has_a_secret(server, tmp_path):
    run = tmp_path / "secrets"
    uri = server.uri.replace("http://", f"http://bob:{PASSWORD}@")
    words = [f"trackers.mlflow.uri={uri}", "trackers.mlflow.patience=60"]
    prepare(config.compose("train", [*WORDS, *words])).run(run)
    assert check(run) >= {"configuration.json", "spool.jsonl", "delivered.json", "checkpoint.safetensors"}
    assert Spool(run).delivered().finished
    assert server.run("secrets").info.status == "FINISHED"
    assert check(server.folder) >= {"configuration.json", "checkpoint.safetensors"}


def test_nothing_of_a_server_that_is_not_there_has_one_and_its_record_is_delivered_later(
    server, tmp_path, caplog, capfd
):
    run = tmp_path / "later"
    words = [f"trackers.mlflow.uri=http://bob:{PASSWORD}@127.0.0.1:9", "trackers.mlflow.patience=0"]
    prepare(config.compose("train", [*WORDS, *words])).run(run)
    assert "http://***@127.0.0.1:9" in caplog.text
    assert main(["mlflow", "sync", str(run)]) != 0
    assert check(run) >= {"delivery.log", "spool.jsonl"}
    printed = capfd.readouterr()
    assert PASSWORD not in caplog.text + printed.out + printed.err
    uri = server.uri.replace("http://", f"http://bob:{PASSWORD}@")
    assert main(["mlflow", "sync", str(run), "--uri", uri]) == 0
    assert "http://***@" in capfd.readouterr().out
    check(run)


@pytest.mark.parametrize(
    ("uri", "given", "user"),
    [
        ("http://bob:a%40b@host:5000/x", "http://host:5000/x", ("bob", "a@b")),
        ("https://***@host", "https://host", (None, None)),
        ("https://host", "https://host", (None, None)),
        ("postgresql://bob:pass@host/db", "postgresql://bob:pass@host/db", (None, None)),
    ],
)
def test_mlflow_is_told_user_and_password_by_its_environment(uri, given, user, monkeypatch):
    environment = {}
    monkeypatch.setattr(delivery.os, "environ", environment)
    assert delivery._signed_in(uri) == given
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    assert tuple(environment.get(name) for name in names) == user
