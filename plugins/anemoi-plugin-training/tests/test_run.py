import json

import pytest
from anemoi.core import config
from anemoi.core.checkpoint import load
from anemoi.core.errors import AnemoiError
from click.testing import CliRunner

from anemoi_plugin_training import prepare, train
from anemoi_plugin_training.command import command
from anemoi_plugin_training.tracking import Trackers

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
    assert {entry.role for entry in checkpoint.lock} == {
        "encoder",
        "processor",
        "decoder",
        "graph",
        "loss",
        "data",
    }
    again = train(*TINY, output=tmp_path / "again")
    assert all((load(again).weights[name] == weight).all() for name, weight in checkpoint.weights.items())


def test_the_normalisation_is_that_of_the_training_period():
    training = prepare(config.compose("train", [*TINY, "dates.end=2025-12-10T18"]))
    fields = training.source.read(training.source.times[:40])
    assert float(training.model.mean) == pytest.approx(fields.astype("f8").mean(), rel=1e-7)
    assert float(training.model.stdev) == pytest.approx(fields.astype("f8").std(), rel=1e-6)
    assert float(training.model.tendency_scale) == pytest.approx(
        (fields[1:].astype("f8") - fields[:-1]).std() / fields.astype("f8").std(), rel=1e-6
    )


class Failing:
    def __init__(self, *, directory):
        self.calls = 0

    def start(self, run, parameters):
        self.calls += 1
        raise OSError("no server")

    metrics = artefact = finish = start


def test_a_tracker_that_fails_is_reported_once_and_never_stops_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "build", lambda kind, spec, **structure: Failing(directory=None))
    said = []
    trackers = Trackers({"bad": {"name": "bad"}}, directory=tmp_path, trust_code=True, report=said.append)
    trackers.start("run", {})
    trackers.metrics({"loss": 1.0}, 1)
    trackers.finish("finished")
    assert said == ["The tracker 'bad' failed and is switched off: OSError: no server"]


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
