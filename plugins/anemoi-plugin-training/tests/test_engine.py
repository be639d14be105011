"""Several processes train as one does, with as many samples in a step; so do several batches in turn."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import load
from anemoi.core.errors import AnemoiError, ConfigError
from torch import nn

from anemoi_plugin_training import prepare
from anemoi_plugin_training.batches import batches
from anemoi_plugin_training.engine import OneDevice, find_engine
from anemoi_plugin_training.loop import phases
from anemoi_plugin_training.optimisers.adamw import AdamW
from anemoi_plugin_training.processes import launcher, local_world, rank, world
from anemoi_plugin_training.runs import read
from anemoi_plugin_training.samples import Samples
from anemoi_plugin_training.saving import saved
from anemoi_plugin_training.settings import TrainingSettings

from .test_loop import CPU, make, optimisation
from .test_resuming import KILLS, TIMES

WORDS = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=8",
    "training.rollout_steps=3",
    "training.warmup_steps=3",
    "training.learning_rate=1e-3",
    "dates.end='2025-12-06'",
]
VALIDATED = [
    "dates.validation.start='2025-12-07'",
    "dates.validation.end='2025-12-09'",
    "training.validation.every_steps=4",
    "training.validation.dates=2",
    "training.validation.rollout=1",
]

PROGRAM = """
import os, signal, sys
from pathlib import Path

from anemoi.core.cli import main

leave_after, *words = sys.argv[1:]
Path(__file__).with_name(os.environ["RANK"] + ".pid").write_text(str(os.getpid()))
if "training.compile=true" in words:
    import torch
    from anemoi_plugin_training import parallelism

    # What is traced is run as it is: code for the machine, of which another test is, takes minutes.
    compiled = torch.nn.Module.compile
    torch.nn.Module.compile = lambda self: compiled(self, backend="eager")
    parallelism.check_compiler = lambda device: None

if os.environ["RANK"] == "1" and leave_after != "never":
    from anemoi_plugin_training.progress import Progress

    def step(self, number, loss):
        if number == int(leave_after):
            os.kill(os.getpid(), signal.SIGTERM)

    Progress.step = step
sys.exit(main(["train", *words]))
"""


def two_processes(tmp_path, *words, leave_after="never"):
    """Train with two processes over gloo; the second is told to leave after a step."""
    with begun_with_two(tmp_path, *words, leave_after=leave_after) as launched:
        stdout, stderr = launched.communicate(timeout=300)
    return subprocess.CompletedProcess(launched.args, launched.returncode, stdout, stderr)


def begun_with_two(tmp_path, *words, leave_after="never"):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)]
    return subprocess.Popen(
        [sys.executable, *launch, str(leave_after), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_two_tasks_of_slurm_train_as_one_process_with_the_doubled_batch(tmp_path):
    words = [*WORDS, "training.steps=2", "training.rollout_steps=0"]
    program = [
        sys.executable,
        "-c",
        "import sys; from anemoi.core.cli import main; sys.exit(main(sys.argv[1:]))",
    ]
    step = {
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1",
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "localhost",
        "OMP_NUM_THREADS": "1",
    }
    tasks = [
        subprocess.Popen(
            [*program, "train", *words, "training.batch_size=2", "--output", str(tmp_path / "run")],
            env={**os.environ, **step, "SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for task in (0, 1)
    ]
    said = [task.communicate(timeout=240)[0] for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0]
    assert [each.count("Trained in") for each in said] == [1, 0]
    prepare(config.compose("train", [*words, "training.batch_size=4"])).run(tmp_path / "one")
    assert_close(tmp_path / "run", tmp_path / "one")


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, (None, 0, 1, 1)),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, (None, 0, 1, 1)),  # the script of a job
        ({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, (None, 0, 1, 1)),
        (
            {"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "5"},
            ("srun", 5, 8, 4),
        ),
        (
            {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "TORCHELASTIC_RUN_ID": "1", "RANK": "3"}
            | {"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"},
            ("torchrun", 3, 8, 4),
        ),
    ],
)
def test_a_process_knows_which_of_how_many_it_is(monkeypatch, environment, found):
    for name in [name for name in os.environ if name.startswith(("SLURM", "TORCHELASTIC"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (launcher(), rank(), world(), local_world()) == found


def test_tasks_that_slurm_does_not_count_by_node_are_refused(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    monkeypatch.setenv("SLURM_NTASKS", "2")
    with pytest.raises(ConfigError, match=r"processes each node has\.\nAsk .* --ntasks-per-node=2"):
        find_engine(TrainingSettings(), CPU)


def metrics_of(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def assert_close(one, other):
    for mine, theirs in zip(metrics_of(one), metrics_of(other), strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)
    theirs = load(other / "checkpoint.safetensors").weights
    for name, weight in load(one / "checkpoint.safetensors").weights.items():
        # The bias of a key or of an edge shifts all scores of a softmax alike: its gradient is zero but for
        # rounding, which Adam scales up to a whole update.
        if not name.endswith(("key_value.bias", "edge.bias")):
            torch.testing.assert_close(weight, theirs[name], rtol=1e-5, atol=1e-5)


SHARDED = [
    "training.sharded=true",
    "training.recompute=true",
    "training.ema=0.9",
    "training.accumulate=2",
    "optimiser=adamw",
]
"""Weights shared out, and an average of them too."""


@pytest.fixture(scope="module", params=[[], SHARDED], ids=["copied", "sharded"])
def how(request):
    return [*WORDS, *VALIDATED, *request.param]


@pytest.fixture(scope="module")
def with_two(tmp_path_factory, how):
    directory = tmp_path_factory.mktemp("two")
    words = [*how, "training.batch_size=2"]
    done = two_processes(directory, *words, "--output", str(directory / "run"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trained in") == 1
    return directory / "run"


def test_two_processes_train_as_one_with_the_doubled_batch(tmp_path, with_two, how):
    prepare(config.compose("train", [*how, "training.batch_size=4"])).run(tmp_path / "one")
    assert_close(with_two, tmp_path / "one")
    assert read(with_two).status == "finished"


def test_two_processes_leave_together_and_go_on_as_if_they_never_had(tmp_path, with_two, how):
    run = tmp_path / "run"
    words = [*how, "training.batch_size=2"]
    left = two_processes(tmp_path, *words, "--output", str(run), leave_after=4)
    assert left.returncode != 0
    assert "after 4 of 8 steps" in left.stderr
    assert [step for step, _ in saved(run)] == [4]
    assert read(run).status == "interrupted"
    with pytest.raises(AnemoiError, match="began with 2 processes"):
        _go_on_alone(run)
    again = two_processes(tmp_path, "--resume", str(run))
    assert again.returncode == 0, again.stderr
    assert metrics_of(run) == metrics_of(with_two)
    weights = load(with_two / "checkpoint.safetensors").weights
    for name, weight in load(run / "checkpoint.safetensors").weights.items():
        assert torch.equal(weight, weights[name])


@pytest.mark.parametrize("how", [SHARDED], ids=["sharded"], indirect=True)
def test_two_processes_that_are_killed_at_random_moments_change_no_number(tmp_path, with_two, how):
    """One of them or both: while they prepare, step, or write a checkpoint."""
    words = [*how, "training.batch_size=2", "training.checkpoint.every_steps=1"]
    moments, kills, runs = random.Random(1), int(KILLS or 1), []
    while kills:
        runs.append(run := tmp_path / f"run-{len(runs)}")
        while not (run / "checkpoint.safetensors").exists():
            begun = (run / "configuration.json").exists()
            if not begun:
                shutil.rmtree(run, ignore_errors=True)
            given = ["--resume", str(run)] if begun else [*words, "--output", str(run)]
            with begun_with_two(tmp_path, *given) as launched:
                killed = kills > 0 and kill_at_random(launched, tmp_path, run, moments)
                if killed:
                    kills -= 1
                    print("writing" if partial(run) else "stepping")
                stderr = launched.communicate(timeout=300)[1]
            assert killed or launched.returncode == 0, stderr
    weights = load(with_two / "checkpoint.safetensors").weights
    for run in runs:
        assert metrics_of(run) == metrics_of(with_two)
        for name, weight in load(run / "checkpoint.safetensors").weights.items():
            assert torch.equal(weight, weights[name])


def kill_at_random(launched, directory, run, moments):
    """Kill one of two processes or both, some steps on; False if they have ended by then.

    Every third time it is while the first, which saves, writes a checkpoint.
    """
    target = last_saved(run) + (steps := moments.randint(0, 3))
    pause, saves = moments.uniform(0, 0.3), moments.random() < 1 / 3
    victims = (0,) if saves else moments.choice([(0,), (1,), (0, 1)])
    processes = [directory / f"{each}.pid" for each in (0, 1)]
    left = partial(run)

    def is_time():
        begun = all(each.exists() for each in processes) and last_saved(run) >= target
        return begun and (not saves or partial(run) - left)

    while launched.poll() is None and not (run / "checkpoint.safetensors").exists() and not is_time():
        time.sleep(0.001)
    if not saves:
        time.sleep(pause if steps else 20 * pause)  # without a step: while they prepare, too
    found = [int(each.read_text()) for each in processes if each.exists()]
    for each in processes:
        each.unlink(missing_ok=True)
    if launched.poll() is not None or (run / "checkpoint.safetensors").exists():
        return False
    for victim in victims:
        os.kill(found[victim], signal.SIGKILL)
    return True


def partial(run):
    """Checkpoints that are not whole: where they begin on disk."""
    found = set()
    for each in run.glob("checkpoints/.*.partial*"):
        with suppress(FileNotFoundError):  # it has just become whole
            found.add(each.stat().st_ino)
    return found


def last_saved(run):
    return max((step for step, _ in saved(run)), default=0)


def test_a_network_that_is_shared_out_can_be_compiled_and_have_low_rank_changes(tmp_path):
    words = [*WORDS, "training.steps=2", "training.rollout_steps=0", "optimiser=adamw"]
    first = prepare(config.compose("train", [*words, "training.steps=1"])).run(tmp_path / "first")
    words += [f"training.start.checkpoint='{first}'", "training.lora.weights=[processor.*]"]
    both = ["training.sharded=true", "training.compile=true", "training.batch_size=2"]
    done = two_processes(tmp_path, *words, *both, "--output", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    prepare(config.compose("train", [*words, "training.batch_size=4"])).run(tmp_path / "one")
    assert_close(tmp_path / "run", tmp_path / "one")


HALF = """
import os

import torch
from anemoi_plugin_training.engine import find_engine
from anemoi_plugin_training.parallelism import parallelise
from anemoi_plugin_training.settings import TrainingSettings
from torch import nn

settings = TrainingSettings(precision="16-mixed", sharded=True)
engine = find_engine(settings, torch.device("cpu"))
engine.restore({**engine.state(), "scale": 2.0**10})
torch.manual_seed(0)
model = nn.Module()
model.network = nn.Sequential(nn.Linear(6, 4))
forward = parallelise(model, settings, engine)
fields = torch.arange(12.0).view(2, 6)[engine.rank : engine.rank + 1] / 10  # one sample for each process
optimisers = [torch.optim.SGD(model.parameters(), lr=0.1)]
for spoilt in (True, False):
    model.zero_grad()
    with engine.forward():
        loss = forward(lambda model: model.network(fields).square().mean())
    engine.backward(loss)
    if spoilt and engine.rank == 1:
        next(model.parameters()).grad.to_local().fill_(torch.inf)
    engine.unscale(optimisers)
    gradients = [each.grad.full_tensor() for each in model.parameters()]
    engine.take(optimisers)
    weights = [each.detach().full_tensor() for each in model.parameters()]
    torch.save((engine.scale, gradients, weights), f"{os.environ['OUT']}/{engine.rank}-{int(spoilt)}.pt")
"""


def test_shared_out_in_float16_all_leave_a_step_out_that_is_too_large_for_one(tmp_path, monkeypatch):
    program = tmp_path / "program.py"
    program.write_text(HALF)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)]
    monkeypatch.setenv("OUT", str(tmp_path))
    done = subprocess.run([sys.executable, *launch], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    left, taken = ([torch.load(tmp_path / f"{each}-{spoilt}.pt") for each in (0, 1)] for spoilt in (1, 0))
    torch.manual_seed(0)
    network = nn.Linear(6, 4)
    network(torch.arange(12.0).view(2, 6) / 10).square().mean().backward()
    for scale, gradients, weights in left:
        assert scale == 2.0**9
        assert gradients[0][:2].isfinite().all()  # the half of the weights that the first process has
        for parameter, weight in zip(network.parameters(), weights, strict=True):
            assert torch.equal(weight, parameter)
    for scale, gradients, weights in taken:
        assert scale == 2.0**9
        for parameter, gradient, weight in zip(network.parameters(), gradients, weights, strict=True):
            torch.testing.assert_close(gradient, parameter.grad, rtol=5e-3, atol=1e-4)
            torch.testing.assert_close(weight, parameter - 0.1 * gradient)


def _go_on_alone(run):
    from anemoi_plugin_training.earlier import interrupted

    return prepare(interrupted(run)).run(run, resume=True)


@pytest.mark.parametrize("skip", [0, 3])
def test_each_process_reads_samples_of_its_own(random_source, data_of, skip):
    samples = Samples.within(*data_of(random_source(times=30), ["cos_local_time"]), count=1)

    def drawn(batch_size, part=(0, 1)):
        given = batches(samples, batch_size=batch_size, seed=3, workers=0, skip=skip, part=part)
        return [list(next(given).starts) for _ in range(12)]

    parts = [drawn(2, part=(rank, 3)) for rank in range(3)]
    for batch, *own in zip(drawn(6), *parts, strict=True):
        assert sorted(start for each in own for start in each) == batch
        assert len({start for each in own for start in each}) == len(set(batch))


def train(random_source, data_of, **options):
    settings = TrainingSettings(
        **{"steps": 6, "rollout": 2, "rollout_steps": 3, "warmup_steps": 2, **options}
    )
    data, steps = data_of(random_source(times=30), ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}
    model = make(data, steps)
    training = optimisation(model, samples, settings, find_engine(settings, CPU))
    return list(training.steps()), model


def test_batches_in_turn_are_as_one_batch(random_source, data_of):
    whole, model = train(random_source, data_of, batch_size=6)
    parts, other = train(random_source, data_of, batch_size=2, accumulate=3)
    for one, two in zip(whole, parts, strict=True):
        assert one.losses == pytest.approx(two.losses, rel=1e-5)
        assert one.gradient_norm == pytest.approx(two.gradient_norm, rel=1e-4)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_a_gradient_is_clipped_by_value(random_source, data_of):
    steps, model = train(random_source, data_of, gradient_clip=1e-3, gradient_clip_by="value")
    largest = max(each.grad.abs().max().item() for each in model.parameters())
    assert largest == pytest.approx(1e-3)
    assert steps[-1].gradient_norm > 1e-2


def test_mixed_precision_multiplies_in_bfloat16_and_keeps_weights_and_losses_in_full(random_source, data_of):
    full, _ = train(random_source, data_of, batch_size=2)
    mixed, model = train(random_source, data_of, batch_size=2, precision="bf16-mixed")
    ratios = [one.loss / two.loss for one, two in zip(mixed, full, strict=True)]
    assert ratios != [1.0] * 6
    assert ratios == pytest.approx(np.ones(6), rel=0.05)
    assert {each.dtype for each in model.parameters()} == {torch.float32}


def test_a_network_in_bfloat16_is_given_and_gives_fields_in_single_precision(random_source, data_of):
    full, _ = train(random_source, data_of, batch_size=2)
    short, model = train(random_source, data_of, batch_size=2, precision="bf16-true")
    ratios = [one.loss / two.loss for one, two in zip(short, full, strict=True)]
    assert ratios != [1.0] * 6
    assert ratios == pytest.approx(np.ones(6), rel=0.1)
    assert {each.dtype for each in model.network.parameters()} == {torch.bfloat16}
    normalised = model.normalise("data", torch.full((1, 20, 2), 1e5), ["v0", "v1"])
    assert normalised.dtype == torch.float32  # the way from the data to the network loses no digits
    fields = {"data": torch.zeros(1, 2, 1, 20, len(model.normalised["data"].inputs))}
    assert model.network(fields)["data"].dtype == torch.float32


def test_in_float16_a_loss_that_is_scaled_too_much_leaves_a_step_out(random_source, data_of):
    full, _ = train(random_source, data_of, batch_size=2)
    settings = TrainingSettings(
        steps=6, rollout=2, rollout_steps=3, warmup_steps=2, batch_size=2, precision="16-mixed"
    )
    engine = find_engine(settings, CPU)
    engine.restore({**engine.state(), "scale": 2.0**40, "growth_interval": 10**6})
    data, steps = data_of(random_source(times=30), ["cos_local_time"])
    samples = {count: Samples.within(data, steps, count=count) for count, _ in phases(settings)}
    model = make(data, steps)
    training = optimisation(model, samples, settings, engine)
    before = [each.detach().clone() for each in model.parameters()]
    first = next(taken := training.steps())
    assert not np.isfinite(first.gradient_norm)
    assert first.scale == 2.0**40
    assert all(torch.equal(each, old) for each, old in zip(model.parameters(), before, strict=True))
    assert training.state()["engine"]["scale"] == 2.0**39
    engine.restore({**engine.state(), "scale": 2.0**10})
    later = next(taken)
    assert later.gradient_norm == pytest.approx(full[1].gradient_norm, rel=0.3)  # unscaled before it is taken
    assert not all(torch.equal(each, old) for each, old in zip(model.parameters(), before, strict=True))


class OfEachParameter(AdamW):
    """As many optimisers as there are parameters."""

    def build(self, parameters):
        return [
            each
            for name in parameters
            for each in super(OfEachParameter, self).build({name: parameters[name]})
        ]


def test_in_float16_one_gradient_that_is_too_large_leaves_all_weights_as_they_are(random_source, data_of):
    settings = TrainingSettings(steps=2, rollout_steps=0, warmup_steps=0, precision="16-mixed", ema=0.5)
    data, steps = data_of(random_source(times=30), ["cos_local_time"])
    model = make(data, steps)
    engine = find_engine(settings, CPU)
    samples = {1: Samples.within(data, steps, count=1)}
    training = optimisation(model, samples, settings, engine, OfEachParameter)
    bias, taken = model.network.decoders["data"].linear.bias, training.steps()
    before = [each.detach().clone() for each in model.parameters()]
    hook = bias.register_hook(lambda gradient: torch.full_like(gradient, torch.inf))
    scale = next(taken).scale
    assert all(torch.equal(each, old) for each, old in zip(model.parameters(), before, strict=True))
    hook.remove()
    assert next(taken).scale == scale / 2
    assert not any(torch.equal(each, old) for each, old in zip(model.parameters(), before, strict=True))


def test_a_compiled_network_trains_to_the_same_numbers(random_source, data_of):
    short = {"batch_size": 2, "steps": 2, "rollout": 1, "rollout_steps": 0}
    eager, _ = train(random_source, data_of, **short)
    compiled, model = train(random_source, data_of, **short, compile=True)
    for one, two in zip(eager, compiled, strict=True):
        assert one.losses == pytest.approx(two.losses, rel=1e-4)
    assert not any("_orig_mod" in name for name in model.state_dict())


def remembered(model, inputs):
    """The bytes that three forecast steps keep for their backward pass, weights aside."""
    own = {each.data_ptr() for each in model.parameters()}
    kept = {}

    def keep(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        values = inputs
        for _ in range(3):
            out = model({"data": values})["data"]
            values = torch.cat([values[:, 1:], torch.cat([out, values[:, -1:, ..., out.shape[-1] :]], -1)], 1)
    return sum(kept.values())


def test_a_network_that_is_computed_again_trains_to_the_same_bits_and_remembers_less(random_source, data_of):
    plain, model = train(random_source, data_of, rollout=3)
    again, other = train(random_source, data_of, rollout=3, recompute=True)
    assert [each.losses for each in plain] == [each.losses for each in again]
    assert all(map(torch.equal, model.parameters(), other.parameters()))
    domain = model.normalised["data"]
    inputs = torch.randn(1, 2, 1, len(domain.grid), len(domain.inputs))
    assert remembered(other, inputs) < 0.25 * remembered(model, inputs)


def test_a_network_that_is_computed_again_can_be_compiled(random_source, data_of, monkeypatch):
    compiled = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: compiled(self, backend="eager"))
    short = {"steps": 2, "rollout": 2, "rollout_steps": 1}
    eager, _ = train(random_source, data_of, **short)
    again, _ = train(random_source, data_of, **short, recompute=True, compile=True)
    for one, two in zip(eager, again, strict=True):
        assert one.losses == pytest.approx(two.losses, rel=1e-4)


def test_without_a_compiler_nothing_is_compiled(random_source, data_of, monkeypatch):
    def fail(function):
        raise RuntimeError("no g++\nand a long trace")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(ConfigError, match=r"nothing can be compiled on this machine: no g[+][+]\nInstall"):
        train(random_source, data_of, compile=True)


def test_a_training_of_the_usual_kind_needs_no_fabric():
    assert type(find_engine(TrainingSettings(), CPU)) is OneDevice
    slow = "{'lightning_fabric', 'torch.distributed.tensor'}"
    code = f"import sys, anemoi_plugin_training.preparation; sys.exit(len({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
