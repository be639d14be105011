"""A sweep is several runs, each of its own, and goes on where it was left."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from anemoi.core.errors import AnemoiError, ConfigError
from click.testing import CliRunner

from anemoi_plugin_training.command import command
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.runs import read
from anemoi_plugin_training.sweep import expanded, planned, take
from anemoi_plugin_training.sweep_on_dask import take_on

from .test_resuming import WORDS, recorded, same_weights, training_of

SHORT = [*WORDS, "training.steps=2", "training.rollout_steps=0"]


def test_all_combinations_of_values_are_taken():
    words = [
        "training.seed=range(0,3)",
        "model=gnn,transformer",
        "forcings=[a,b]",
        "data.path=/a(b",
        "+x='1,2'",
    ]
    found = expanded(words)
    rest = ("forcings=[a,b]", "data.path=/a(b", "+x='1,2'")
    assert found == [
        (f"training.seed={seed}", f"model={model}", *rest)
        for seed in (0, 1, 2)
        for model in ("gnn", "transformer")
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["model=gnn"], "no setting has several values"), (["a=interval(0,1)"], "cannot be counted")],
)
def test_what_is_no_sweep_is_refused(words, said):
    with pytest.raises(ConfigError, match=said):
        expanded(words)


def test_each_run_is_as_if_it_were_alone(tmp_path):
    words = [*SHORT, "training.learning_rate=1e-3,1e-2", "--multirun", "--output", str(tmp_path / "sweep")]
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    for name, rate in (("000", "1e-3"), ("001", "1e-2")):
        training_of(*SHORT[len(WORDS) :], f"training.learning_rate={rate}").run(tmp_path / name)
        assert recorded(tmp_path / "sweep" / name) == recorded(tmp_path / name)
        assert read(tmp_path / "sweep" / name).status == "finished"
    before = (tmp_path / "sweep" / "000" / "run.json").stat().st_mtime_ns
    assert "has finished" in CliRunner().invoke(command, words).stderr
    assert (tmp_path / "sweep" / "000" / "run.json").stat().st_mtime_ns == before
    other = CliRunner().invoke(command, ["training.seed=0,1", *words[-3:]])
    assert isinstance(other.exception, AnemoiError)
    assert "another sweep" in other.exception.what


def test_a_run_that_fails_stops_no_other_and_is_told(tmp_path):
    runs = planned(["training.steps=1,1", *SHORT[:3], "training.rollout_steps=0"], tmp_path / "sweep")
    runs[0].directory.mkdir()
    (runs[0].directory / "run.json").write_text("{}")
    told = []
    with pytest.raises(AnemoiError, match=r"1 of 2 runs have failed: 000\."):
        take(runs, tell=told.append)
    assert [run.finished for run in runs] == [False, True]
    assert len(told) == 2


def test_a_sweep_that_is_terminated_goes_on_with_the_same_command(tmp_path):
    sweep = tmp_path / "sweep"
    words = [*WORDS, "training.steps=300,2", "training.rollout_steps=0", "--multirun", "--output", str(sweep)]
    program = "import sys; from anemoi.core.cli import main; sys.exit(main())"
    process = subprocess.Popen([sys.executable, "-c", program, "train", *words], stderr=subprocess.PIPE)
    metrics = sweep / "000" / "metrics.jsonl"
    while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 2):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 75
    assert b"give the same command again" in said
    assert read(sweep / "000").status == "interrupted"
    assert not (sweep / "001").exists()
    result = CliRunner().invoke(command, [*words, "--only", "1"])
    assert result.exit_code == 0, result.output
    assert read(sweep / "001").status == "finished"
    record = json.loads((sweep / "sweep.json").read_text())["runs"]
    assert record["001"] == [*WORDS, "training.steps=2", "training.rollout_steps=0"]


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        yield client


def test_runs_on_a_cluster_are_those_one_after_another_and_errors_lose_none(tmp_path, cluster):
    values = "training.learning_rate=1e-2,-1"
    runs = planned([*SHORT, values], tmp_path / "sweep")
    told = []
    with pytest.raises(AnemoiError, match=r"1 of 2 runs have failed: 001\."):
        take_on(cluster, runs, threads=torch.get_num_threads(), tell=told.append)
    assert [run.finished for run in runs] == [True, False]
    (failure,) = [line for line in told if "failed" in line]
    assert "Error:" in failure
    assert "learning_rate" in (tmp_path / "sweep" / "001.log").read_text()
    training_of(*SHORT[len(WORDS) :], "training.learning_rate=1e-2").run(tmp_path / "alone")
    assert recorded(runs[0].directory) == recorded(tmp_path / "alone")
    assert same_weights(
        *(each / "checkpoint.safetensors" for each in (tmp_path / "alone", runs[0].directory))
    )


def test_a_sweep_leaves_at_a_signal_and_the_run_of_a_worker_that_is_lost_goes_on(tmp_path, cluster):
    long = ["training.steps=40", "training.rollout_steps=0", "training.checkpoint.every_steps=5"]
    runs = planned([*WORDS, *long, "training.seed=0,1"], tmp_path / "sweep")[:1]
    first, told = runs[0].directory, []

    def terminate():
        while not (first / "metrics.jsonl").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    terminator = threading.Thread(target=terminate)
    terminator.start()
    with pytest.raises(InterruptedTraining):
        take_on(cluster, runs, threads=torch.get_num_threads())
    terminator.join()
    assert read(first).status == "interrupted"
    before = read(first).step

    def kill():
        while read(first).step < before + 10:
            time.sleep(0.02)
        (holder,) = [
            info["pid"]
            for worker, info in cluster.run(_about).items()
            if any("000" in str(each) for each in info["children"])
        ]
        os.kill(holder, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    take_on(cluster, runs, threads=torch.get_num_threads(), tell=told.append)
    killer.join()
    assert all(run.finished for run in runs)
    (line,) = [line for line in told if str(first) in line]
    assert "its worker was lost" in line
    assert read(first).record["resumed"]
    training_of(*long, "training.seed=0").run(tmp_path / "whole")
    assert recorded(first) == recorded(tmp_path / "whole")


def _about():
    import psutil

    own = psutil.Process()
    return {"pid": own.pid, "children": [each.cmdline() for each in own.children()]}


def test_dask_is_for_sweeps_alone():
    result = CliRunner().invoke(command, ["--dask", "training.steps=2"])
    assert result.exit_code == 2
    assert "the runs of --multirun" in result.output
