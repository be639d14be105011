"""Files, terminal and logs do not say with which password something was opened."""

from __future__ import annotations

import copy
import sys

import pytest

from anemoi.core.checkpoint import load, save
from anemoi.core.cli import main
from anemoi.core.plugins import matching
from anemoi.core.provenance import provenance
from anemoi.core.secrets import masked

SECRET = "hunter2"
URL = f"https://bob:{SECRET}@example.org/store.zarr"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (URL, "https://***@example.org/store.zarr"),
        (f"s3://{SECRET}@bucket/x", "s3://***@bucket/x"),
        (f"a {URL} and {URL}", "a https://***@example.org/store.zarr and https://***@example.org/store.zarr"),
        (f"trackers.mlflow.uri={URL}", "trackers.mlflow.uri=https://***@example.org/store.zarr"),
        (f"https://bob:{SECRET}@{SECRET}@host/", "https://***@host/"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("https://example.org?mail=a@b", "https://example.org?mail=a@b"),
        ("bob@example.org", "bob@example.org"),
        ("x//a@b", "x//a@b"),
    ],
)
def test_the_user_info_of_urls_is_masked_and_nothing_else(text, expected):
    assert masked(text) == expected
    assert masked({"a": [text, {"b": (text, 1, None)}]}) == {"a": [expected, {"b": [expected, 1, None]}]}


@pytest.fixture
def told(make_checkpoint, tiny_plugin, tmp_path, monkeypatch):
    """A checkpoint of a training that was given a password in three places."""
    monkeypatch.chdir(tmp_path)
    plain = make_checkpoint()
    configuration = copy.deepcopy(dict(plain.configuration))
    configuration["trackers"] = {"mlflow": {"name": "mlflow", "uri": URL}}
    monkeypatch.setattr(sys, "argv", ["anemoi", "train", f"trackers.mlflow.uri={URL}"])
    made = make_checkpoint(
        configuration=configuration,
        overrides=(f"trackers.mlflow.uri={URL}",),
        provenance=provenance(parents=[{"kind": "dataset", "path": URL}], training_period={}),
    )
    return save(tmp_path / "model.safetensors", made).path


def test_no_artefact_has_it(told, tmp_path, monkeypatch, capfd):
    words = ["forecast", str(told), "--date", "2020-01-02T06", "--lead-time", "12h", "--output", "x.npz"]
    monkeypatch.setattr(sys, "argv", ["anemoi", *words, f"--source=path={URL}"])
    assert main([*words, "--log-json", "log.json", "--json", "--restart"]) == 0
    assert main(["checkpoint", "inspect", str(told)]) == 0
    assert main(["checkpoint", "inspect", "--json", str(told)]) == 0
    assert main([*words[:-1], "y.npz", "--source", URL]) != 0  # no source reads it: an error, which names it
    assert main([*words[:-1], "y.npz", "--source", URL, "--log-json", "log.json"]) != 0
    printed = capfd.readouterr()
    if matching("source", "zarr"):  # else that is the error
        assert "https://***@example.org/store.zarr" in printed.err
    assert SECRET not in printed.out + printed.err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"model.safetensors", "x.npz", "log.json"} <= {path.name for path in files}
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
    assert "***@example.org" in load(told).configuration["trackers"]["mlflow"]["uri"]
