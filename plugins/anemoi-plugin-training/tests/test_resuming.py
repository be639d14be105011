"""A run that was left, in whatever way, goes on as if it never had been."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest
import torch
from anemoi.core import config, plugins
from anemoi.core.checkpoint import load
from anemoi.core.errors import AnemoiError, DataError
from anemoi.core.files import hidden_beside
from click.testing import CliRunner

from anemoi_plugin_training import prepare, reading
from anemoi_plugin_training.batches import reader_killed, settled
from anemoi_plugin_training.command import command
from anemoi_plugin_training.earlier import interrupted
from anemoi_plugin_training.leaving import InterruptedTraining
from anemoi_plugin_training.loop import DivergedError
from anemoi_plugin_training.runs import read
from anemoi_plugin_training.saving import SavingError, saved

WORDS = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=12",
    "training.rollout_steps=5",
    "training.warmup_steps=3",
]
VALIDATED = [
    "dates.end='2025-12-16T18'",
    "dates.validation.start='2025-12-17'",
    "training.validation.every_steps=3",
    "training.validation.dates=3",
    "training.validation.rollout=2",
]


SampleSource = plugins.load("source", "sample")

TIMES = ("seconds", "data_wait")

KILLS = os.environ.get("ANEMOI_TEST_KILLS")
"""How many times trainings are killed at random moments; more take longer."""


def training_of(*words):
    return prepare(config.compose("train", [*WORDS, *words]))


def goes_on(run, *words):
    return prepare(interrupted(run, words)).run(run, resume=True)


def recorded(run):
    """Every line of the metrics, without times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def same_weights(one, other):
    return all(torch.equal(weight, load(other).weights[name]) for name, weight in load(one).weights.items())


def leave_after(number, how=signal.SIGTERM):
    def on_step(step, loss):
        if step == number:
            os.kill(os.getpid(), how)

    return on_step


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    training_of(*VALIDATED).run(run)
    return run


def test_a_run_that_is_left_twice_is_the_same_as_one_that_never_was(tmp_path, uninterrupted):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining, match=r"at SIGTERM, after 4 of 12 steps(.|\n)*--resume"):
        training_of(*VALIDATED).run(run, on_step=leave_after(4))
    assert read(run).status == "interrupted"
    assert [step for step, _ in saved(run)] == [4]
    again = prepare(interrupted(run))
    with pytest.raises(InterruptedTraining, match="SIGUSR1, after 9 of 12"):
        again.run(run, resume=True, on_step=leave_after(9, signal.SIGUSR1))
    goes_on(run)
    assert recorded(run) == recorded(uninterrupted)
    for name in ("checkpoint.safetensors", "best.safetensors"):
        assert same_weights(run / name, uninterrupted / name)
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "finished"
    assert len(record["resumed"]) == 2
    seconds = [json.loads(line)["seconds"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert seconds == sorted(seconds)


def test_a_time_limit_saves_and_leaves(tmp_path):
    run = tmp_path / "run"
    training = training_of("training.time_limit=1s", "training.steps=100000")
    with pytest.raises(InterruptedTraining, match=r"at training\.time_limit") as caught:
        training.run(run)
    assert caught.value.exit_code == 75
    assert read(run).status == "interrupted"
    assert saved(run)[-1][0] == read(run).step


def test_states_are_saved_by_steps_and_the_last_are_kept(tmp_path):
    run = tmp_path / "run"
    training_of("training.checkpoint.every_steps=2", "training.checkpoint.keep=3").run(run)
    assert [step for step, _ in saved(run)] == [6, 8, 10]
    assert {each.name for each in saved(run)[0][1].iterdir()} == {
        "checkpoint.safetensors",
        "state.safetensors",
    }
    assert not same_weights(saved(run)[0][1] / "checkpoint.safetensors", run / "checkpoint.safetensors")


def begin(run, *words):
    said = ["--resume", str(run), *words] if run.exists() else [*WORDS, *words, "--output", str(run)]
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from anemoi.core.cli import main; import sys; sys.exit(main())",
            "train",
            *said,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def writes(run):
    return list(run.glob("checkpoints/.*.partial"))


def test_a_run_that_is_killed_again_and_again_is_the_same_as_one_that_never_was(tmp_path, uninterrupted):
    """Killed while it steps, while it writes a checkpoint, before it has saved anything."""
    run = tmp_path / "run"
    words = [*VALIDATED, "training.checkpoint.every_steps=1"]
    moments = [
        lambda: (run / "configuration.json").exists(),
        lambda: read(run).step >= 1 and writes(run),
        lambda: read(run).step >= 4,
        lambda: read(run).step >= 8 and writes(run),
    ]
    caught_writing = 0
    for moment in moments:
        process = begin(run, *(() if run.exists() else words))
        while process.poll() is None and not _now(moment):
            time.sleep(0.001)
        process.kill()
        process.wait()
        caught_writing += bool(writes(run))
    assert caught_writing
    if not (run / "checkpoint.safetensors").exists():  # the last was too late to kill
        goes_on(run)
    assert recorded(run) == recorded(uninterrupted)
    assert same_weights(run / "checkpoint.safetensors", uninterrupted / "checkpoint.safetensors")
    assert not writes(run)


def _now(moment):
    try:
        return moment()
    except AnemoiError:  # there is no record yet
        return False


def test_a_second_training_in_a_directory_is_refused_and_the_first_has_its_end_when_terminated(tmp_path):
    run = tmp_path / "run"
    process = begin(run, "training.steps=100000")
    while process.poll() is None and not _now(lambda: read(run).step):
        time.sleep(0.02)
    with pytest.raises(AnemoiError, match=f"Another training is running in .*: process {process.pid} on"):
        goes_on(run)
    process.send_signal(signal.SIGHUP)
    assert process.wait() == 75
    assert "anemoi train --resume" in process.stderr.read()
    assert read(run).status == "interrupted"


def test_a_directory_that_has_a_run_takes_no_other(tmp_path):
    run = tmp_path / "run"
    training_of().run(run)
    before = {each: each.stat().st_mtime_ns for each in run.iterdir()}
    with pytest.raises(AnemoiError, match="There is a run in"):
        training_of().run(run)
    with pytest.raises(AnemoiError, match="has finished"):
        goes_on(run)
    assert {each: each.stat().st_mtime_ns for each in run.iterdir() if each.name != ".lock"}.items() <= (
        before.items()
    )
    with pytest.raises(AnemoiError, match="There is no run"):
        goes_on(tmp_path)


def test_only_what_changes_no_number_may_change_when_a_run_goes_on(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        training_of().run(run, on_step=leave_after(2))
    with pytest.raises(AnemoiError, match=r"training\.learning_rate cannot change"):
        interrupted(run, ["training.learning_rate=1.0"])
    with pytest.raises(AnemoiError, match=r"training\.blocks\.size cannot change"):
        interrupted(run, ["training.blocks.size=4"])
    assert interrupted(run, ["training.checkpoint.keep=5", "training.time_limit=1h"])
    result = CliRunner().invoke(command, ["--resume", str(run), "training.workers=1"])
    assert result.exit_code == 0
    assert read(run).status == "finished"


def test_a_run_does_not_go_on_with_other_data(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        training_of().run(run, on_step=leave_after(2))
    path = run / "configuration.json"
    record = json.loads(path.read_text())
    record["values"]["dates"]["end"] = "2025-12-10"
    path.write_text(json.dumps(record))
    with pytest.raises(AnemoiError, match=r"data differ .*samples"):
        goes_on(run)


def test_a_disk_that_is_full_stops_the_run_and_leaves_the_state_before(tmp_path):
    run = tmp_path / "run"
    training = training_of("training.checkpoint.every_steps=2")
    size, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(step, loss):
        if step == 5:
            (written,) = [path for number, path in saved(run) if number == 4] or _wait_for(run, 4)
            largest = max(each.stat().st_size for each in written.iterdir())
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, hard))

    try:
        with pytest.raises(SavingError) as caught:
            training.run(run, on_step=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    assert "File too large" in caught.value.what
    assert str(saved(run)[-1][1]) in caught.value.what
    assert "--resume" in caught.value.fix
    assert saved(run)[-1][0] == 4
    assert not writes(run)
    assert read(run).status == "failed"
    goes_on(run)
    assert [line["step"] for line in recorded(run)] == list(range(1, 13))


def _wait_for(run, step):
    while step not in dict(saved(run)):
        time.sleep(0.01)
    return [dict(saved(run))[step]]


def test_a_loss_that_is_not_finite_keeps_the_state_before_it_and_names_it(tmp_path):
    run = tmp_path / "run"
    training = training_of()
    weight = next(training.model.parameters())

    def spoil(step, loss):
        if step == 3:
            good[:] = [weight.detach().clone()]
            training.criterion.parts[0].fixed.fill_(torch.nan)

    good = []
    with pytest.raises(
        DivergedError, match=r"nan at step 4, whose samples begin at 2025-12-\d\dT\d\d\."
    ) as caught:
        training.run(run, on_step=spoil)
    [(step, path)] = saved(run)
    assert (step, str(path) in caught.value.what) == (3, True)
    name = next(name for name, each in training.model.named_parameters() if each is weight)
    assert torch.equal(load(path / "checkpoint.safetensors").weights[name], good[0])
    assert read(run).status == "failed"


def broken(reads, *, times=None):
    """Lets the sample's source fail after some reads, so many times or for good."""
    read, done = SampleSource.read, []

    def fail(self, wanted):
        done.append(wanted)
        failures = len(done) - reads
        if failures > 0 and (times is None or failures <= times):
            raise OSError("The server does not answer.")
        return read(self, wanted)

    return fail


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(reading, "WAITS", (0.0, 0.0, 0.0))


def test_data_that_cannot_be_read_keep_the_state_before(tmp_path, caplog, impatient):
    run = tmp_path / "run"
    training = training_of()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SampleSource, "read", broken(4))
        with pytest.raises(
            DataError, match=r"between 2025-\S+ and \S+ could not be read in 4 attempts: The server"
        ):
            training.run(run)
    assert "is kept in" in caplog.text
    assert read(run).status == "failed"
    goes_on(run)
    assert [line["step"] for line in recorded(run)] == list(range(1, 13))


def test_a_source_that_answers_again_stops_nothing(tmp_path, caplog, impatient, monkeypatch):
    training_of().run(tmp_path / "one")
    training = training_of()
    monkeypatch.setattr(SampleSource, "read", broken(4, times=3))
    training.run(tmp_path / "other")
    assert caplog.text.count("cannot be read: The server does not answer. Again in") == 3
    assert recorded(tmp_path / "one") == recorded(tmp_path / "other")


def test_data_that_are_wrong_are_not_read_again(random_source):
    source, reads = random_source(times=4), []

    def fail(times):
        reads.append(times)
        raise DataError("The chunk is damaged.")

    source.read = fail
    with pytest.raises(DataError, match=r"^The chunk is damaged"):
        reading.read_patiently(source, source.times)
    assert len(reads) == 1


def test_the_signal_that_a_process_has_ended_is_waited_for():
    """Reading may fail before it: it must not come while the state is saved."""

    def told(signum, frame):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    before = signal.signal(signal.SIGALRM, told)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        found = settled(ConnectionResetError("reset by peer"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert reader_killed(found) is not None
    for other in (ValueError("x"), ConnectionResetError("nobody has ended")):
        assert settled(other) is other


def test_a_reading_process_that_is_killed_stops_the_run_with_the_state_before(tmp_path, caplog, monkeypatch):
    run, here = tmp_path / "run", os.getpid()
    read_here = SampleSource.read

    def killed(self, wanted):
        metrics = run / "metrics.jsonl"
        if os.getpid() != here and metrics.exists() and metrics.stat().st_size:  # a step has been taken
            size = -1
            while size != (size := metrics.stat().st_size):  # until the training waits for this sample
                time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        return read_here(self, wanted)

    training = training_of("training.workers=1")
    monkeypatch.setattr(SampleSource, "read", killed)
    with pytest.raises(
        AnemoiError, match=r"A process that reads samples has ended: .* (killed by signal|unexpectedly)"
    ):
        training.run(run)
    assert "is kept in" in caplog.text
    monkeypatch.undo()
    goes_on(run, "training.workers=0")
    assert [line["step"] for line in recorded(run)] == list(range(1, 13))


LIVES = """
import os, random, signal, sys, time, traceback
from pathlib import Path

import torch
from anemoi.core import config
from anemoi_plugin_training import prepare

torch.set_num_threads(1)  # or others would go on in the parent alone
training = prepare(config.compose("train", sys.argv[3:]))


def live(run):
    process = os.fork()
    if process:
        return process
    try:
        training.run(run, resume=(run / "configuration.json").exists())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


directory, kills = Path(sys.argv[1]), int(sys.argv[2])
began = time.monotonic()
assert os.waitpid(live(directory / "uninterrupted"), 0)[1] == 0
whole = time.monotonic() - began
moments, done, number = random.Random(0), 0, 0
while done < kills:
    run = directory / f"killed-{number}"
    while not (run / "checkpoint.safetensors").exists():
        process, end = live(run), time.monotonic() + moments.uniform(0, 0.7) * whole
        while done < kills and time.monotonic() < end and not (run / "checkpoint.safetensors").exists():
            time.sleep(0.001)
        if done < kills and not (run / "checkpoint.safetensors").exists():
            os.kill(process, signal.SIGKILL)
            done += 1
            print("writing" if list(run.glob("checkpoints/.*.partial*")) else "stepping", flush=True)
        ended = os.waitpid(process, 0)[1]
        assert ended in (0, signal.SIGKILL), ended
    number += 1
"""


def test_kills_at_random_moments_change_no_number(tmp_path):
    """The processes are forks of one, which has prepared the training."""
    kills = int(KILLS or 20)
    words = [*WORDS, *VALIDATED, "training.checkpoint.every_steps=1"]
    lives = subprocess.run(
        [sys.executable, "-c", LIVES, str(tmp_path), str(kills), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert lives.returncode == 0, lives.stderr
    assert len(lives.stdout.split()) == kills
    whole, *killed = sorted(tmp_path.iterdir(), key=lambda run: run.name != "uninterrupted")
    assert killed
    for run in killed:
        assert recorded(run) == recorded(whole)
        for name in ("checkpoint.safetensors", "best.safetensors"):
            assert same_weights(run / name, whole / name)


def test_what_a_writer_that_was_killed_has_left_is_removed(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(InterruptedTraining):
        training_of().run(run, on_step=leave_after(2))
    left = [hidden_beside(run / "best.safetensors"), hidden_beside(run / "checkpoints" / "step-00000003")]
    left[0].write_bytes(b"half")
    left[1].mkdir()
    goes_on(run)
    assert not any(each.exists() for each in left)


def test_a_batch_larger_than_the_number_of_samples_is_refused():
    with pytest.raises(
        AnemoiError, match=r"training\.batch_size: a batch of 9 .* 8 of 1 forecast steps"
    ) as caught:
        training_of("dates.end='2025-12-03T06'", "training.batch_size=9", "training.rollout_steps=0")
    assert "8 at most" in caught.value.fix
