"""What ``anemoi runs`` tells of the records that trainings leave."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
from anemoi.core.cli import main

from anemoi_plugin_training.runs import Metric, read

HERE = {"host": socket.gethostname(), "process": os.getpid()}
LONG_AGO = 1e9  # seconds since 1970


def dead():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(directory, losses=(2.0, 0.5, 1.0), *, end="", values=None, overrides=(), **changes):
    """Leave a record as the tracker jsonl does."""
    directory.mkdir(parents=True)
    record = {
        "format_version": 1,
        "run": directory.name,
        "status": "running",
        "started": "2026-01-02T03:04:05+00:00",
        **HERE,
        "artefacts": [],
        "parameters": {
            "primary": "train",
            "overrides": list(overrides),
            "values": values or {"training": {"steps": 3, "learning_rate": 0.001}},
        },
        **changes,
    }
    (directory / "run.json").write_text(json.dumps(record))
    lines = [json.dumps({"step": step, "seconds": 0.1, "loss": loss}) for step, loss in enumerate(losses, 1)]
    (directory / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines) + end)
    return directory


FINISHED = {"status": "finished", "finished": "2026-01-02T04:05:06+00:00"}


@pytest.fixture
def anemoi(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main(["runs", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def test_runs_are_listed_in_the_order_they_began(anemoi, runs):
    leave(runs / "late", started="2026-02-01T00:00:00+01:00", losses=(), process=dead())
    done = leave(runs / "early", artefacts=["checkpoint.safetensors"], **FINISHED)
    (done / "checkpoint.safetensors").touch()
    (runs / "mlflow.db").touch()
    (runs / "notes").mkdir()
    code, out, err = anemoi("list")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert rows == [
        ["RUN", "STATUS", "STARTED", "DURATION", "STEPS", "LOSS", "CHECKPOINT"],
        ["runs/early", "finished", "2026-01-02", "03:04", "1:01:01", "3/3", "1", "checkpoint.safetensors"],
        ["runs/late", "killed", "2026-01-31", "23:00", *rows[2][4:-1], "0/3"],
    ]
    assert json.loads(anemoi("list", "--json")[1])[0] == {
        "name": "early",
        "directory": "runs/early",
        "status": "finished",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 3661,
        "step": 3,
        "steps": 3,
        "loss": 1.0,
        "checkpoint": "runs/early/checkpoint.safetensors",
    }


@pytest.mark.parametrize(
    ("changes", "silent", "status"),
    [
        ({}, True, "running"),
        ({"process": 0}, False, "killed"),
        ({"host": "elsewhere"}, False, "running"),
        ({"host": "elsewhere"}, True, "unknown"),
        ({"status": "failed", "finished": "2026-01-02T03:04:06+00:00"}, True, "failed"),
        ({"status": "interrupted", "finished": "2026-01-02T03:04:06+00:00"}, True, "interrupted"),
    ],
)
def test_a_run_is_shown_as_what_it_is(anemoi, runs, changes, silent, status):
    if "process" in changes:
        changes = {**changes, "process": dead()}
    directory = leave(runs / "one", **changes)
    if silent:
        for file in directory.iterdir():
            os.utime(file, (LONG_AGO, LONG_AGO))
    assert read(directory).status == status
    assert anemoi("list")[1].splitlines()[1].split()[:2] == ["runs/one", status]
    assert f"status      {status}" in anemoi("show", "one")[1]


def test_a_killed_run_lasted_until_it_was_last_heard_of(runs):
    directory = leave(runs / "one", process=dead())
    ended = read(directory).started.timestamp() + 90
    os.utime(directory / "run.json", (ended - 90, ended - 90))
    os.utime(directory / "metrics.jsonl", (ended, ended))
    assert read(directory).duration.total_seconds() == 90


def test_a_run_is_shown_with_all_that_is_recorded(anemoi, runs):
    directory = leave(
        runs / "one", overrides=["training.steps=3"], artefacts=["gone.safetensors"], **FINISHED
    )
    code, out, _ = anemoi("show", directory)
    assert code == 0
    assert "first 2, last 1, lowest 0.5 at step 2" in out
    assert "overrides   training.steps=3" in out
    assert "training.learning_rate  0.001" in out
    assert "gone" not in out
    shown = json.loads(anemoi("show", "one", "--json")[1])
    assert shown["metrics"] == {"loss": {"first": 2.0, "last": 1.0, "least": 0.5, "least_step": 2}}
    assert shown["parameters"] == {"training.steps": 3, "training.learning_rate": 0.001}
    assert shown["checkpoint"] is None
    assert shown["files"] == ["run.json", "metrics.jsonl"]


def test_only_what_differs_is_compared(anemoi, runs):
    leave(runs / "a", values={"same": 1, "model": {"name": "gnn", "k": 3}}, **FINISHED)
    leave(runs / "b", values={"same": 1, "model": {"name": "gnn", "j": None}}, losses=(4.0,), **FINISHED)
    _, out, _ = anemoi("compare", "a", "b", "--json")
    compared = json.loads(out)
    assert compared["parameters"] == {"model.k": [3, None], "model.j": [None, None]}
    assert compared["results"] == {
        "status": ["finished", "finished"],
        "duration": ["1:01:01", "1:01:01"],
        "steps": [3, 1],
        "loss (last)": [1.0, 4.0],
        "loss (lowest)": [0.5, 4.0],
    }
    rows = [line.split() for line in anemoi("compare", "a", "b")[1].splitlines()]
    assert ["model.k", "3", "-"] in rows
    assert ["loss", "(lowest)", "0.5", "4"] in rows
    assert "(all the same)" in anemoi("compare", "a", "a")[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"format_version": 1}', "damaged"),
        ('{"format_version": 2}', "upgrade"),
        ("\udcff", "cannot be read"),
    ],
)
def test_a_damaged_run_hides_no_other(anemoi, runs, text, said):
    leave(runs / "good", **FINISHED)
    leave(runs / "bad")
    (runs / "bad" / "run.json").write_bytes(text.encode(errors="surrogateescape"))
    code, out, err = anemoi("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["RUN", "runs/good"]
    assert "runs/bad" in err
    assert said in err
    code, _, err = anemoi("show", "bad")
    assert code == 4
    assert said in err


def test_a_last_line_that_is_not_whole_does_not_count(runs):
    directory = leave(runs / "one", end='{"step": 4, "lo', process=dead())
    assert read(directory).step == 3
    assert read(directory).metrics() == {"loss": Metric(2.0, 1.0, 0.5, 2)}


def test_a_damaged_line_is_named(anemoi, runs):
    directory = leave(runs / "one", **FINISHED)
    lines = (directory / "metrics.jsonl").read_text().splitlines()
    (directory / "metrics.jsonl").write_text("\n".join([lines[0], "hail", lines[2], ""]))
    assert anemoi("list")[0] == 0
    code, _, err = anemoi("show", "one")
    assert code == 4
    assert "metrics.jsonl:2 is damaged" in err


def test_the_last_line_of_a_long_file_is_found(runs):
    directory = leave(runs / "one", losses=[1.0] * 5000, **FINISHED)
    assert (directory / "metrics.jsonl").stat().st_size > 2 * 65536
    assert read(directory).step == 5000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["list", "runs"], "no directory runs"),
        (["list"], "no run in {here}: no directory up to 3 levels below it holds run.json"),
        (["show", "nothing"], "no run nothing"),
        (["show", "."], "no record of a run"),
        (["compare", "nothing"], "nothing to compare"),
        (["compare", "nothing", "."], "no run nothing"),
    ],
)
def test_a_mistake_is_said_clearly(anemoi, tmp_path, words, said):
    code, out, err = anemoi(*words)
    assert code in (2, 4)
    assert out == ""
    assert said.format(here=tmp_path) in err


def test_runs_are_found_where_they_are(anemoi, tmp_path):
    for where in ("quickstart/run", "run", "experiments/2026/first", "a/b/c/too-deep"):
        leave(tmp_path / where, **FINISHED)
    for hidden in (".cache/run", "data.zarr/run", "venv/lib/run"):
        leave(tmp_path / hidden, **FINISHED)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = ["experiments/2026/first", "quickstart/run", "run"]
    assert sorted(line.split()[0] for line in anemoi("list")[1].splitlines()[1:]) == found
    # What is listed can be shown, and a directory may be named from outside.
    assert all(anemoi("show", each)[0] == 0 for each in found)
    assert [line.split()[0] for line in anemoi("list", "a/b")[1].splitlines()[1:]] == ["a/b/c/too-deep"]
    assert [line.split()[0] for line in anemoi("list", "run")[1].splitlines()[1:]] == ["run"]


def test_neither_torch_nor_any_plugin_is_imported(runs):
    leave(runs / "one", **FINISHED)
    code = (
        "import sys; from anemoi.core.cli import main; main(['runs', 'show', sys.argv[1]]); "
        "assert not {'torch', 'numpy', 'hydra', 'omegaconf'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(runs / "one")], check=True, stdout=subprocess.DEVNULL)
