"""Against a real server: what is recorded arrives, whatever happens to the server or the training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from anemoi.core import config
from anemoi.core.checkpoint import inspect
from anemoi.core.cli import main
from anemoi_plugin_training import prepare
from mlflow.tracking import MlflowClient

from anemoi_plugin_mlflow.tracker import Mlflow

TINY = [
    "tracker=[jsonl,mlflow]",
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.rollout_steps=1",
    "training.steps=90",
]


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_server_killed_and_restarted_in_the_middle_of_a_training_misses_nothing(server, tmp_path, caplog):
    def on_step(step, loss):
        if step == 30:
            for _ in range(200):  # Some of the run is there already when the server dies.
                if (run / "mlflow" / "delivered.json").exists() and '"offset": 0' not in (
                    run / "mlflow" / "delivered.json"
                ).read_text():
                    break
                time.sleep(0.1)
            server.kill()
        if step == 60:
            assert json.loads((run / "mlflow" / "delivered.json").read_text())["finished"] is False
            server.start()

    run = tmp_path / "restarted"
    options = [f"trackers.mlflow.uri={server.uri}", "trackers.mlflow.patience=60"]
    options += ["trackers.mlflow.system_metrics_every=0.2", "trackers.mlflow.experiment=kill"]
    path = prepare(config.compose("train", [*TINY, *options])).run(run, on_step=on_step)

    # How long the end waits for a server that has just started is a matter of the machine.
    assert [each.message for each in caplog.records if "is slow" not in each.message] == []
    assert json.loads((run / "mlflow" / "delivered.json").read_text())["finished"] is True
    expected = [(line["step"], line["loss"]) for line in lines(run)]
    assert len(expected) == 90
    assert server.history("restarted") == expected
    found = server.run("restarted")
    assert found.info.status == "FINISHED"
    assert "Trying again" in (run / "mlflow" / "delivery.log").read_text()

    # What it was made with, and what came of it.
    checkpoint = inspect(path)
    assert found.data.params["model.processor.num_layers"] == "1"
    assert found.data.tags["override.training.steps"] == "90"
    assert found.data.tags["override.tracker"] == "[jsonl,mlflow]"
    assert found.data.tags["anemoi.overrides"].split() == [*TINY, *options]
    assert found.data.tags["checkpoint.identity"] == checkpoint.identity
    data, graph = checkpoint.document["provenance"]["parents"]
    assert found.data.tags["checkpoint.parents"] == f"{data['identity']} {graph['identity']}"
    for entry in checkpoint.lock:
        tag = found.data.tags[f"plugin.{entry.role}"]
        assert f"{entry.distribution}=={entry.version}, {entry.hash}" in tag
    memory = [value for _, value in server.history("restarted", "system/process_memory_usage_megabytes")]
    assert len(memory) > 3
    assert all(50 < value < 1e6 for value in memory)

    # The files.
    copy = server.client.download_artifacts(found.info.run_id, "checkpoint.safetensors", str(tmp_path))
    with open(copy, "rb") as file:
        assert file.read() == path.read_bytes()
    loss = server.client.download_artifacts(found.info.run_id, "plots/loss.png", str(tmp_path))
    with open(loss, "rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    lock = server.client.download_artifacts(found.info.run_id, "plugin-lock.json", str(tmp_path))
    with open(lock, "rb") as file:
        assert [entry["hash"] for entry in json.load(file)] == [entry.hash for entry in checkpoint.lock]


def test_a_server_that_never_answers_costs_the_training_nothing_and_can_be_made_up_for(
    server, black_hole, tmp_path, caplog, capsys
):
    run = tmp_path / "patient"
    words = [*TINY, "training.steps=3", f"trackers.mlflow.uri={black_hole}", "trackers.mlflow.patience=1"]
    training = prepare(config.compose("train", words))
    began = time.monotonic()
    training.run(run)
    assert time.monotonic() - began < 8
    (record,) = caplog.records
    assert "has not delivered" in record.getMessage()
    assert f"anemoi mlflow sync {run}" in record.getMessage()

    server.wait()
    assert main(["mlflow", "sync", str(run), "--uri", server.uri]) == 0
    assert f"delivered to {server.uri} as run" in capsys.readouterr().out
    assert server.history("patient") == [(line["step"], line["loss"]) for line in lines(run)]
    assert server.run("patient").info.status == "FINISHED"
    # Once more changes nothing.
    (run / "mlflow" / "delivered.json").unlink()
    assert main(["mlflow", "sync", str(run), "--uri", server.uri]) == 0
    assert server.history("patient") == [(line["step"], line["loss"]) for line in lines(run)]


KILLED = """
import json, os, signal, sys, time
from pathlib import Path
from anemoi_plugin_mlflow.tracker import Mlflow
directory = Path(sys.argv[1])
directory.mkdir()
tracker = Mlflow(directory=directory, uri=sys.argv[2], system_metrics_every=0)
tracker.start("killed", json.loads(sys.argv[3]))
for step in range(1, 6):
    tracker.metrics({"loss": 1 / step}, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_training_that_is_killed_is_recorded_as_killed_with_all_it_recorded_and_can_go_on(
    server, tmp_path, parameters
):
    server.wait()
    run = tmp_path / "killed"
    subprocess.run([sys.executable, "-c", KILLED, str(run), server.uri, json.dumps(parameters)], check=False)
    for _ in range(300):
        if (run / "mlflow" / "delivered.json").exists() and json.loads(
            (run / "mlflow" / "delivered.json").read_text()
        )["finished"]:
            break
        time.sleep(0.1)
    assert server.run("killed").info.status == "KILLED"
    assert server.history("killed") == [(step, 1 / step) for step in range(1, 6)]
    found = server.run("killed").data
    assert found.params["model.channels"] == "8"
    assert json.loads(found.params["variables"]) == ["t", "q"]
    assert found.params["note"] == "x" * 5997 + "..."
    assert found.params["odd.a_b _é_"] == "µ"
    assert {name: value for name, value in found.params.items() if name.startswith("many.")} == {
        f"many.key{i}": str(i) for i in range(250)
    }
    assert found.tags["override.note"] == "long"
    assert found.tags["override.forcings"] == "~forcings"
    resumed = Mlflow(directory=run, uri=server.uri, system_metrics_every=0, patience=60)
    resumed.start("killed", parameters)
    resumed.metrics({"loss": 1 / 6}, 6)
    resumed.finish("finished")
    assert server.run("killed").info.status == "FINISHED"
    assert server.history("killed") == [(step, 1 / step) for step in range(1, 7)]


def test_without_a_server_the_record_is_in_a_store_beside_the_run(tmp_path, parameters, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "runs" / "local"
    run.mkdir(parents=True)
    (run / "notes.txt").write_text("hail")
    monkeypatch.setattr("getpass.getuser", lambda: {}["nobody"])
    (tmp_path / "logging.py").write_text("raise SystemExit('This is no module of Python.')")
    tracker = Mlflow(directory=Path("runs/local"), system_metrics_every=0, patience=60)
    tracker.start("local", parameters)
    tracker.artefact(Path("runs/local/notes.txt"))
    tracker.finish("failed")
    assert sorted(path.name for path in tmp_path.glob("*/[!.]*")) == [
        "local",
        "mlflow-artefacts",
        "mlflow.db",
    ]
    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    (found,) = client.search_runs([client.get_experiment_by_name("anemoi").experiment_id])
    assert found.info.status == "FAILED"
    assert found.data.tags["mlflow.user"] == str(os.getuid())
    assert found.data.tags["plugin.model.processor"].startswith("transformer (anemoi-plugin-transformer==")
    (copy,) = tmp_path.glob("runs/mlflow-artefacts/*/artifacts/notes.txt")
    assert copy.read_text() == "hail"


RECORDS = """
import sys
from pathlib import Path
from anemoi_plugin_mlflow.tracker import Mlflow
directory = Path(sys.argv[1])
directory.mkdir(parents=True)
tracker = Mlflow(directory=directory, system_metrics_every=0, patience=100)
tracker.start(directory.name, {"overrides": [], "values": {"channels": 8}})
tracker.metrics({"loss": 0.5}, 1)
tracker.finish("finished")
"""


def test_runs_that_begin_together_make_one_store_whatever_a_killed_one_left(tmp_path):
    runs = [tmp_path / "runs" / name for name in ("a", "b", "c")]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".mlflow.db.1f2e3d4c.partial").write_bytes(b"half a database")
    started = [subprocess.Popen([sys.executable, "-c", RECORDS, str(run)]) for run in runs]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    for run in runs:
        log = (run / "mlflow" / "delivery.log").read_text()
        assert "Trying again" not in log, log
    client = MlflowClient(f"sqlite:///{tmp_path}/runs/mlflow.db")
    found = client.search_runs([client.get_experiment_by_name("anemoi").experiment_id])
    assert sorted(run.info.run_name for run in found) == ["a", "b", "c"]
    assert {run.info.status for run in found} == {"FINISHED"}
    assert [run.data.metrics["loss"] for run in found] == [0.5] * 3
    assert not list((tmp_path / "runs").glob(".mlflow.db.*.partial*"))


@pytest.mark.parametrize("words", [["sync"], ["sync", "nowhere"], ["snyc"]])
def test_a_mistake_is_said_clearly(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["mlflow", *words]) == 2
    assert "Error" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
