import json
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core import config, runs
from anemoi.core.checkpoint import load
from anemoi.core.errors import AnemoiError
from anemoi.core.interfaces import Tracker
from click.testing import CliRunner

from anemoi_plugin_training import prepare, train
from anemoi_plugin_training.command import command
from anemoi_plugin_training.earlier import recorded

TINY = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=3",
    "training.rollout_steps=1",
]


def test_a_run_leaves_its_record_and_a_checkpoint(tmp_path):
    path = train(*TINY, output=tmp_path / "run")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "finished"
    assert record["artefacts"] == ["checkpoint.safetensors"]
    assert record["parameters"]["overrides"] == TINY
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    checkpoint = load(path)
    assert checkpoint.overrides == tuple(TINY)
    assert checkpoint.configuration["model"]["channels"] == 8
    assert checkpoint.provenance["training_period"] == {"start": "2025-12-01T00", "end": "2025-12-21T18"}
    parts = {"model", "model.encoder", "model.processor", "model.decoder", "objective"}
    assert parts < {entry.role for entry in checkpoint.lock if entry.needed}
    trained = {
        "graph",
        "loss",
        "data",
        "scalers.area",
        "scalers.tendency",
        "scalers.variable",
        "scalers.missing",
    }
    assert {entry.role for entry in checkpoint.lock if not entry.needed} == trained
    again = train(*TINY, output=tmp_path / "again")
    assert all((load(again).weights[name] == weight).all() for name, weight in checkpoint.weights.items())


def test_a_run_can_be_repeated_from_its_checkpoint(tmp_path):
    first = train(*TINY, "training.seed=7", output=tmp_path / "first")
    words = ["--config-from", str(first), "--output", str(tmp_path / "second")]
    assert CliRunner().invoke(command, words, catch_exceptions=False).exit_code == 0
    again = load(tmp_path / "second" / "checkpoint.safetensors")
    assert again.overrides == (*TINY, "training.seed=7")
    assert all((again.weights[name] == weight).all() for name, weight in load(first).weights.items())
    changed = recorded(first, ["training.seed=8"])
    assert changed.values["training"]["seed"] == 8
    assert changed.values["graph"]["refinement"] == 1


def test_code_in_a_recorded_configuration_is_not_run_unless_trusted(tmp_path):
    path = train(*TINY, f"+trackers.mine._target_={__name__}.Quiet", output=tmp_path / "first")
    with pytest.raises(AnemoiError, match="--trust-code"):
        prepare(recorded(path))
    assert prepare(recorded(path, trust_code=True)).settings.trackers["mine"]


def test_epochs_are_told(tmp_path):
    words = [*TINY, "dates.end=2025-12-02T18", f"+trackers.mine._target_={__name__}.Quiet"]
    training = prepare(config.compose("train", [*words, "training.batch_size=3"]))
    assert len(training.samples[1]) == 6
    heard = []
    events = SimpleNamespace(send=lambda event, **values: heard.append((event, values)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anemoi_plugin_training.run.listeners", lambda *arguments, **options: events)
        training.run(tmp_path / "run")
    losses = [values["metrics"]["loss"] for event, values in heard if event == "training_step"]
    epochs = [values for event, values in heard if event == "training_epoch"]
    assert [epoch["epoch"] for epoch in epochs] == [1]
    assert epochs[0]["metrics"]["loss"] == pytest.approx(sum(losses[:2]) / 2)


def test_the_normalisation_is_that_of_the_training_period():
    training = prepare(config.compose("train", [*TINY, "dates.end=2025-12-10T18"]))
    source, domain = training.data["data"].source, training.model.normalised["data"]
    fields = source.read(source.times[:40])
    whole = fields.astype("f8")
    normalised = training.model.normalise("data", torch.from_numpy(fields), ["msl"]).numpy()
    np.testing.assert_allclose(normalised, (whole - whole.mean()) / whole.std(), rtol=1e-4, atol=1e-5)
    expected = (whole[1:] - whole[:-1]).std() / whole.std()
    assert domain.changes.stdev[0] == pytest.approx(expected, rel=1e-6)


class Quiet(Tracker):
    def __init__(self, *, directory):
        pass

    def start(self, run, parameters):
        pass

    metrics = artefact = finish = start


class Failing(Tracker):
    def __init__(self, *, directory):
        self.calls = 0

    def start(self, run, parameters):
        pass

    def metrics(self, values, step):
        raise OSError("no server")

    artefact = finish = start


def test_a_tracker_that_fails_is_reported_once_and_never_stops_a_run(tmp_path, caplog):
    words = [*TINY, f"+trackers.bad._target_={__name__}.Failing"]
    path = train(*words, output=tmp_path / "run")
    assert [record.getMessage() for record in caplog.records] == [
        "The tracker bad raised OSError in training_step: no server. It is switched off; the run goes on."
    ]
    assert path.exists()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "finished"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model=transfromer"], "transformer"),
        (["training.stesp=3"], "Did you mean 'steps'"),
        (["model.processor.num_layer=3"], "num_layers"),
        (["training.steps=many"], "training.steps"),
        (["training.steps=0"], "training.steps"),
        (["dates.start=2030-01-01"], "dates.start"),
        (["dates.start=yesterday"], "yesterday"),
        (["forcings=[sunshine]"], "insolation"),
        (["training.device=abacus"], "auto, cpu or cuda"),
        (["model.processor.num_heads=3"], "num_heads"),
    ],
)
def test_a_mistake_is_said_clearly_and_leaves_nothing(tmp_path, words, said):
    output = tmp_path / "run"
    result = CliRunner().invoke(command, [*TINY, *words, "--output", str(output)])
    assert isinstance(result.exception, AnemoiError)
    assert said in str(result.exception)
    assert not output.exists()


def test_a_directory_that_exists_is_left_alone(tmp_path):
    result = CliRunner().invoke(command, [*TINY, "--output", str(tmp_path)])
    assert isinstance(result.exception, AnemoiError)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_says_so_in_its_record(tmp_path):
    training = prepare(config.compose("train", TINY))

    def interrupt(step, loss):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.run(tmp_path / "run", on_step=interrupt)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_a_run_that_is_killed_leaves_a_record_that_says_so(tmp_path):
    run = tmp_path / "run"
    words = [*TINY, "training.steps=100000", "--output", str(run)]
    training = subprocess.Popen(
        [sys.executable, "-c", "from anemoi.core.cli import main; main()", "train", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not ((run / "metrics.jsonl").exists() and (run / "metrics.jsonl").stat().st_size > 1000):
        assert training.poll() is None
        time.sleep(0.05)
    assert runs.read(run).status == "running"
    training.kill()
    training.wait()
    left = runs.read(run)
    assert left.status == "killed"
    assert (left.steps, left.overrides) == (100000, words[:-2])
    losses = [
        json.loads(line)["loss"] for line in (run / "metrics.jsonl").read_text().splitlines()[: left.step]
    ]
    assert len(losses) == left.step > 5
    assert left.metrics()["loss"].last == losses[-1]
