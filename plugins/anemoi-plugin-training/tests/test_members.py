"""Processes that share the members of a sample train as one process that computes all of them."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from anemoi.core import config
from anemoi.core.errors import ConfigError

from anemoi_plugin_training import prepare
from anemoi_plugin_training.sizes import sizes

from .pulled import Linear, loss_of, samples
from .test_engine import WORDS, assert_close, two_processes

NOISY = """
import torch
from anemoi.core.objectives import Rollout


class Noisy(Rollout):
    '''Members that differ by what they are conditioned on, from the first step of an untrained network on.

    Each step pulls them towards their mean as well, so that the gradient of one member leads to all others.
    '''

    stochastic = True
    condition_channels = 3

    def __init__(self, *, members: int = 4, **options):
        super().__init__(**options)
        self.trained_members = members

    def advance(self, model, inputs, generator):
        inputs = {name: 0.9 * each + 0.1 * each.mean(2, keepdim=True) for name, each in inputs.items()}
        fields = next(iter(inputs.values()))
        noise = torch.randn(fields.shape[0], fields.shape[2], 3, generator=generator)
        spread = 1 + 0.1 * noise[:, None, :, None, :1]
        return model({name: each * spread for name, each in inputs.items()}, noise)
"""
ENSEMBLE = [
    *WORDS,
    "training.steps=4",
    "training.rollout_steps=2",
    "objective._target_=noisy.Noisy",
    "+objective.members=4",
    "loss=crps",
    "training.accumulate=2",
]
SHARING = ["training.member_parallel=2", "training.recompute=true"]
HELD_OUT = [
    "dates.validation.start='2025-12-07'",
    "dates.validation.end='2025-12-08'",
    "training.validation.dates=1",
    "training.validation.rollout=1",
]


@pytest.fixture
def noisy(tmp_path, monkeypatch):
    (tmp_path / "noisy.py").write_text(NOISY)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    "how",
    [[], ["training.sharded=true", "training.compile=true", "optimiser=adamw"]],
    ids=["copied", "sharded"],
)
def test_two_processes_that_share_members_train_as_one(tmp_path, noisy, how):
    words = [*ENSEMBLE, *HELD_OUT, *how]
    shared = two_processes(tmp_path, *words, *SHARING, "--output", str(tmp_path / "two"))
    assert shared.returncode == 0, shared.stderr
    alone = [word for word in words if "compile" not in word]
    prepare(config.compose("train", alone)).run(tmp_path / "one")
    assert_close(tmp_path / "two", tmp_path / "one")


GROUPS = """
import os

import torch
from anemoi_plugin_training.engine import find_engine
from anemoi_plugin_training.parallelism import parallelise
from anemoi_plugin_training.settings import TrainingSettings
from pulled import Linear, loss_of, samples
from torch import nn

settings = TrainingSettings(member_parallel=2)
engine = find_engine(settings, torch.device("cpu"))
model = nn.Module()
model.network = Linear()
forward = parallelise(model, settings, engine)
sample, parts = engine.part
assert parts == 2
loss = forward(lambda model: loss_of(model.network, samples()[[sample]]))
engine.backward(loss)
gradients = [each.grad for each in model.parameters()]
torch.save((engine.mean([loss.item()]), gradients), f"{os.environ['OUT']}/{engine.rank}.pt")
"""


def test_groups_of_processes_have_the_mean_gradient_of_their_samples(tmp_path, monkeypatch):
    (tmp_path / "program.py").write_text(GROUPS)
    launch = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=4",
        str(tmp_path / "program.py"),
    ]
    monkeypatch.setenv("OUT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    done = subprocess.run([sys.executable, *launch], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    network = Linear()
    loss = torch.stack([loss_of(network, sample[None]) for sample in samples()]).mean()
    loss.backward()
    for rank in range(4):
        (found,), gradients = torch.load(tmp_path / f"{rank}.pt")
        assert found == pytest.approx(loss.item(), rel=1e-5)
        for gradient, parameter in zip(gradients, network.parameters(), strict=True):
            torch.testing.assert_close(gradient, parameter.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["training.member_parallel=2"], r"trains one member of each sample, which 2 processes"),
        ([*ENSEMBLE, "training.member_parallel=3"], r"trains 4 members of each sample, which 3 processes"),
        ([*ENSEMBLE, "training.member_parallel=8"], r"trains 4 members of each sample, which 8 processes"),
        ([*ENSEMBLE, "training.member_parallel=2"], r"and there is one process.*\nStart a multiple of 2"),
    ],
)
def test_members_that_cannot_be_shared_evenly_are_refused(noisy, words, said):
    with pytest.raises(ConfigError, match=f"training.member_parallel: .*{said}"):
        prepare(config.compose("train", words))


def test_processes_that_are_no_whole_groups_are_refused(noisy, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "RANK": "0", "WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="2 processes share the members of a sample, and there are 3"):
        prepare(config.compose("train", [*ENSEMBLE, "training.member_parallel=2"]))


def test_a_process_keeps_what_its_members_need(noisy):
    whole, half = (
        sum(part.kept for part in sizes(config.compose("train", [*ENSEMBLE, *words])).parts)
        for words in ([], ["training.member_parallel=2"])
    )
    assert half == pytest.approx(whole / 2, rel=0.1)
