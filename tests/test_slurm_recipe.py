"""The job script of the page on training: signalled by SLURM, it saves, asks to be queued again, and goes on."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from anemoi.core.checkpoint import load
from anemoi_plugin_training import train
from anemoi_plugin_training.runs import read

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
MINE = """# @package _global_
graph: {refinement: 1}
model: {channels: 8, processor: {num_layers: 1}}
training: {steps: 12, rollout_steps: 4, warmup_steps: 3}
"""
SRUN = f"""#!{sys.executable}
import os, signal, sys

os.environ.update(SLURM_STEP_NUM_TASKS="1", SLURM_STEP_NUM_NODES="1", SLURM_PROCID="0", SLURM_LOCALID="0")

from anemoi.core.cli import main
from anemoi_plugin_training.progress import Progress

step_of_signal, name = os.environ["SIGNALLED"].split()


def step(self, number, loss):
    if number == int(step_of_signal):
        os.kill(os.getpid(), signal.Signals[name])


Progress.step = step
program, *words = sys.argv[1:]
assert program == "anemoi"
sys.exit(main(words))
"""
SCONTROL = """#!/bin/sh
echo "$@" >> "$SCONTROL_CALLS"
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Run the script of the page as SLURM does, in the same directory each time."""
    [script] = re.findall(r"(?:^    .*\n)*^    #SBATCH --time(?:.*\n)(?:^    .*\n)*", PAGE, re.MULTILINE)
    (tmp_path / "job.sh").write_text(re.sub("^    ", "", script, flags=re.MULTILINE))
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(MINE)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (commands / name).write_text(text)
        (commands / name).chmod(stat.S_IRWXU)
    calls = tmp_path / "calls"
    calls.touch()
    given = {
        "SLURM_JOB_ID": "4711",
        "SLURM_NTASKS": "1",
        "SCONTROL_CALLS": str(calls),
        "OMP_NUM_THREADS": "1",
    }
    environment = {**os.environ, **given, "PATH": f"{commands}:{os.environ['PATH']}"}
    monkeypatch.chdir(tmp_path)

    def run(signalled):
        done = subprocess.run(
            ["bash", "job.sh"],
            env={**environment, "SIGNALLED": signalled},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return read(Path("runs/mine")), calls.read_text().splitlines()

    return run


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_job_that_is_signalled_is_queued_again_and_goes_on_to_the_same_weights(job, one_thread):
    record, calls = job("5 SIGTERM")
    assert (record.status, record.step, calls) == ("interrupted", 5, ["requeue 4711"])
    record, calls = job("0 SIGTERM")
    assert (record.status, record.step, calls) == ("finished", 12, ["requeue 4711"])
    weights = load(Path("runs/mine/checkpoint.safetensors")).weights
    uninterrupted = load(train("+experiment=mine", output="runs/uninterrupted")).weights
    assert weights.keys() == uninterrupted.keys()
    assert all(torch.equal(weight, uninterrupted[name]) for name, weight in weights.items())


def test_steps_are_what_slurm_signals(job):
    """A signal that is not for the batch script (``B:``) reaches what ``srun`` starts alone."""
    script = Path("job.sh").read_text()
    assert re.search(r"--signal=TERM@\d+", script)
    assert (
        len(re.findall(r"\banemoi train\b", script)) == len(re.findall(r"\bsrun anemoi train\b", script)) == 2
    )
