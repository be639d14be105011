"""An atmosphere and an ocean: in one model, each verified against its own truth, and in two that are coupled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from anemoi.core import config
from anemoi.core.cli import main
from anemoi_plugin_training import train

SUITE = Path(__file__).parents[1] / "benchmarks" / "earth_system.yaml"
TINY = (
    "training.steps=2", "training.rollout_steps=0", "training.warmup_steps=1", "training.device=cpu",
    "graph.refinement=0", "model.channels=8", "model.processor.num_layers=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A directory with a run of each experiment, as `make earth-system` leaves them."""
    runs = tmp_path_factory.mktemp("runs")
    for name, experiment in (("joint", ""), ("atmosphere", "-atmosphere"), ("ocean", "-ocean")):
        train(f"+experiment=earth-system{experiment}", *TINY, output=runs / "earth-system" / name)
    return runs


def test_both_are_verified_against_their_own_truth_and_baselines(runs, capsys):
    joint = runs / "earth-system" / "joint" / "checkpoint.safetensors"
    words = ("--start", "2000-05-24T00", "--lead-time", "24h", "--json")
    assert main(["evaluate", str(joint), *words]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert {(each["domain"], each["variable"]) for each in scores} >= {
        ("atmosphere", "2t"), ("atmosphere", "tp"), ("ocean", "sst"), ("ocean", "hf")
    }  # fmt: skip
    for score in scores:
        assert all(score["rmse"][way] > 0 for way in ("model", "persistence", "climatology")), score


def test_the_suite_couples_both(runs, capsys, monkeypatch):
    monkeypatch.chdir(runs)
    assert main(["forecast", "--couple", str(SUITE), "--lead-time", "24h"]) == 0
    said = capsys.readouterr().out
    assert "atmosphere: Wrote earth-system/coupled-atmosphere.zarr" in said
    assert "ocean: Wrote earth-system/coupled-ocean.zarr" in said
    written = config.build("source", {"name": "zarr", "path": "earth-system/coupled-ocean.zarr"})
    assert written.variables == ("sst", "ci", "hf")
    assert len(written.times) == 4
