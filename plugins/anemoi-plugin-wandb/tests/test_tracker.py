"""What a run records offline, read back from the file that ``wandb sync`` would send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from anemoi.core.checkpoint import inspect
from anemoi.core.cli import main
from anemoi.core.errors import AnemoiError
from wandb.proto.wandb_internal_pb2 import Record

from anemoi_plugin_wandb.tracker import WandbTracker

PARAMETERS = {"values": {"model": {"channels": 8}}, "overrides": ["model.channels=8"]}
TINY = ["graph.refinement=1", "model.channels=8", "model.processor.num_layers=1", "training.rollout_steps=1"]
BLOCK, HEADER = 32768, 7


def records(path):
    """The records of a file: the log format of LevelDB, with a header of seven bytes of wandb's own."""
    content, place, record = path.read_bytes(), HEADER, b""
    while place < len(content):
        if BLOCK - place % BLOCK < HEADER:
            place += BLOCK - place % BLOCK
        size, part = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        record += content[place + HEADER : place + HEADER + size]
        place += HEADER + size
        if part in (1, 4):  # whole, or the last part of one
            yield Record.FromString(record)
            record = b""


def recorded(run, parts=1):
    """What a run recorded, of all its parts in their order.

    wandb's process may write for a while after the end.
    """
    for _ in range(100):
        found = {"history": [], "summary": {}, "files": [], "exits": [], "ids": []}
        for file in sorted(run.glob("wandb/offline-run-*/*.wandb")):
            for record in records(file):
                _add(record, found)
        if len(found["exits"]) == parts:
            return found
        time.sleep(0.1)
    raise TimeoutError(found)


def _add(record, found):
    if record.HasField("history"):
        items = {item.key or item.nested_key[0]: item.value_json for item in record.history.item}
        found["history"].append({name: json.loads(value) for name, value in items.items()})
    elif record.HasField("run"):
        found["ids"].append(record.run.run_id)
        found["config"] = {item.key: json.loads(item.value_json) for item in record.run.config.update}
        found["project"] = record.run.project
    elif record.HasField("summary"):
        found["summary"] |= {item.key: json.loads(item.value_json) for item in record.summary.update}
    elif record.HasField("files"):
        # The packages of the environment are wandb's own record.
        found["files"] += [each.path for each in record.files.files if each.path != "requirements.txt"]
    elif record.HasField("exit"):
        found["exits"].append(record.exit.exit_code)


def test_a_training_is_recorded_without_a_network(tmp_path):
    run = tmp_path / "run"
    words = ["train", "tracker=[jsonl,wandb]", "trackers.wandb.project=storms", *TINY, "training.steps=4"]
    main([*words, "--output", str(run)])
    found = recorded(run)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    steps = {line["step"]: line for line in found["history"]}
    for line in lines:
        assert steps[line["step"]]["loss"] == pytest.approx(line["loss"], rel=1e-6)
    assert found["project"] == "storms"
    assert found["config"]["model"]["channels"] == 8
    assert found["summary"]["status"] == "finished"
    assert found["summary"]["checkpoint_identity"] == inspect(run / "checkpoint.safetensors").identity
    assert found["files"] == []
    assert found["exits"] == [0]


def test_a_resumed_run_keeps_its_name_and_an_interrupted_one_its_end(tmp_path):
    # The stamps of offline parts are in seconds.
    program = f"""
import sys, time
from pathlib import Path
from anemoi_plugin_wandb.tracker import WandbTracker
for steps, status in (((1, 2), "interrupted"), ((2, 3), "finished")):
    tracker = WandbTracker(directory=Path(sys.argv[1]), system_metrics=False)
    tracker.start("run", {PARAMETERS!r})
    for step in steps:
        tracker.metrics({{"loss": 1 / step}}, step)
    tracker.finish(status)
    time.sleep(1.1)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    found = recorded(tmp_path, parts=2)
    assert [(line["step"], line["loss"]) for line in found["history"]] == [
        (1, 1),
        (2, 0.5),
        (2, 0.5),
        (3, 1 / 3),
    ]
    assert found["exits"] == [75, 0]
    assert len(found["ids"]) == 2
    assert len(set(found["ids"])) == 1


@pytest.mark.parametrize("upload", [False, True])
def test_files_are_sent_and_checkpoints_where_one_wants(upload, tmp_path, checkpoint):
    tracker = WandbTracker(directory=tmp_path, upload_checkpoints=upload, system_metrics=False)
    tracker.start("run", PARAMETERS)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "00000500-map-msl.png").write_bytes(b"png")
    (tmp_path / "checkpoint.safetensors").write_bytes(checkpoint.read_bytes())
    tracker.artefact(tmp_path / "plots" / "00000500-map-msl.png")
    tracker.artefact(tmp_path / "checkpoint.safetensors")
    tracker.finish("finished")
    assert recorded(tmp_path)["files"] == [
        "plots/00000500-map-msl.png",
        *["checkpoint.safetensors"] * upload,
    ]


def test_online_without_a_key_is_said_at_once_and_stops_no_training(tmp_path, monkeypatch, caplog):
    for name in [name for name in os.environ if name.startswith("WANDB")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AnemoiError, match="no API key"):
        WandbTracker(directory=tmp_path, mode="online").start("run", PARAMETERS)
    run = tmp_path / "run"
    words = ["train", "tracker=[jsonl,wandb]", "trackers.wandb.mode=online", *TINY, "training.steps=2"]
    main([*words, "--output", str(run)])
    assert (run / "checkpoint.safetensors").exists()
    assert "no API key" in caplog.text
