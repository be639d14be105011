"""Checkpoints that were trained apart, in one: each member is what its own network would make alone."""

import dataclasses
import json
from itertools import combinations

import numpy as np
import pytest
from anemoi.core import forecast
from anemoi.core.checkpoint import build_model, inspect, load, save
from anemoi.core.cli import main
from anemoi.core.config import build, compose
from anemoi.core.errors import CheckpointError, ConfigError, RequestError
from anemoi_plugin_training.preparation import prepare

from anemoi_plugin_ensemble.pooling import pool

DATE, LEAD_TIME = "2025-12-22T00", "12h"
SMALL = [
    "objective=ensemble",
    "loss=crps",
    "scalers.tendency.name=tendency-stdev",
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "model.processor.num_chunks=1",
    "training.steps=2",
    "training.warmup_steps=1",
    "training.rollout=1",
    "training.rollout_steps=0",
    "training.device=cpu",
]


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Train one with some options, once."""
    folder, made = tmp_path_factory.mktemp("trained"), {}

    def trained_(*words):
        if words not in made:
            run = folder / str(len(made))
            prepare(compose("train", [*SMALL, *words])).run(run)
            made[words] = run / "checkpoint.safetensors"
        return made[words]

    return trained_


@pytest.fixture(scope="session")
def three(trained):
    return [trained(f"training.seed={seed}") for seed in range(3)]


@pytest.fixture(scope="session")
def pooled(three, tmp_path_factory):
    return pool(three, tmp_path_factory.mktemp("pooled") / "pool.safetensors")


def made(path, **options):
    checkpoint = load(path)
    source = build("source", checkpoint.configuration["data"])
    states = forecast(checkpoint, source, DATE, LEAD_TIME, **options)
    return np.stack([state.fields for state in states], axis=1)


def test_each_member_is_that_of_its_own_checkpoint(three, pooled):
    members = made(pooled, members=5)
    of_each = [made(path, members=5) for path in three]
    for member in range(5):
        np.testing.assert_array_equal(members[member], of_each[member % 3][member])
    for one, other in combinations(of_each, 2):
        assert np.abs(one[0] - other[0]).max() > 1.0  # Pa
    np.testing.assert_array_equal(members[:2], made(pooled, members=2))


def test_it_says_what_it_is_made_of(three, pooled):
    found, parts = inspect(pooled), [inspect(path) for path in three]
    made_of = found.document["provenance"]["parents"]
    assert [parent["identity"] for parent in made_of] == [part.identity for part in parts]
    assert all(parent["parents"][0]["kind"] == "dataset" for parent in made_of)
    configuration, first = found.document["configuration"], parts[0].document["configuration"]
    assert configuration["model"] == {"name": "pool", "network": first["model"], "count": 3}
    assert configuration["data"] == first["data"]
    assert "seed" not in configuration["training"]  # that of none is that of all
    assert configuration["training"]["steps"] == 2
    assert not [each for each in found.document["overrides"] if "seed" in each]
    assert found.parameters == sum(part.parameters for part in parts)
    of_first = {
        entry.role.replace("model", "model.network", 1): entry.name for entry in parts[0].lock if entry.needed
    }
    assert {entry.role: entry.name for entry in found.lock if entry.needed} == {"model": "pool", **of_first}


def test_the_command_makes_the_same(three, pooled, tmp_path, capsys):
    path = tmp_path / "again.safetensors"
    words = ["checkpoint", "pool", *map(str, three), "--output", str(path)]
    assert main(words) == 0
    assert "3 networks" in capsys.readouterr().out
    again, once = load(path), load(pooled)
    assert {name: weight.tolist() for name, weight in again.weights.items()} == {
        name: weight.tolist() for name, weight in once.weights.items()
    }
    before = path.read_bytes()
    assert main(words) == 5
    assert f"{path} is there already" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert main([*words, "--overwrite"]) == 0
    capsys.readouterr()
    assert main(["checkpoint", "inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == inspect(pooled).parameters


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.channels=16"], ["model.channels: 8 and 16"]),
        (["objective.noise_channels=4"], ["objective.noise_channels: 32 and 4"]),
        (
            ["dates.end=2025-12-10"],
            ["dates.end: ", "training period", "domains/data/statistics/mean: the values"],
        ),
        (["graph.refinement=2"], ["graph/nodes/hidden/latitudes: F64 [42] and F64 [162]"]),
    ],
)
def test_what_was_trained_otherwise_is_refused(words, said, trained, three, tmp_path):
    with pytest.raises(CheckpointError, match="cannot share a forecast") as caught:
        pool([three[0], trained(*words)], tmp_path / "pool.safetensors")
    for each in said:
        assert each in caught.value.what
    assert not list(tmp_path.iterdir())


def test_copies_and_pools_are_refused(three, pooled, tmp_path):
    path = tmp_path / "pool.safetensors"
    with pytest.raises(RequestError, match="two checkpoints or more"):
        pool(three[:1], path)
    again = load(three[1])
    save(tmp_path / "again.safetensors", dataclasses.replace(again, overrides=("made later",)))
    for copy in (three[1], tmp_path / "again.safetensors"):
        with pytest.raises(RequestError, match="the same weights"):
            pool([*three, copy], path)
    with pytest.raises(CheckpointError, match="is a pool itself"):
        pool([three[0], pooled], path)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        pool([three[0], tmp_path / "none.safetensors"], path)
    assert not path.exists()


def test_the_pool_itself_gives_no_outputs(pooled):
    model = build_model(load(pooled))
    with pytest.raises(ConfigError, match="no outputs of its own") as caught:
        model({})
    assert "anemoi checkpoint pool" in caught.value.fix
