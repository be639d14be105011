"""The size of a model that is never allocated, against that of one that is."""

import math
from resource import RUSAGE_SELF, getrusage

import pytest
import torch
from anemoi.core.config import compose
from click.testing import CliRunner

from anemoi_plugin_training.command import command
from anemoi_plugin_training.preparation import prepare
from anemoi_plugin_training.sizes import sizes

SMALL = ["data=synthetic", "graph.refinement=2"]
PUBLISHED = ["aifs-single", "graphcast", "sfno"]
"""Models of the field as `experiment=NAME` has them."""

TINY = {
    "aifs-single": [
        "data.grid=O8",
        "graph.refinement=1",
        "model.channels=32",
        "model.processor.num_layers=2",
        "model.processor.num_chunks=1",
    ],
    "graphcast": [
        "data.grid=15deg",
        "graph.refinement=1",
        "model.channels=16",
        "model.processor.num_layers=2",
        "model.processor.num_chunks=1",
    ],
    "sfno": ["data.grid=15deg", "model.channels=8", "model.num_layers=2"],
}


@pytest.mark.parametrize("words", [[], ["optimiser=adamw"], ["optimiser=torch", "optimiser.optimiser=SGD"]])
def test_parameters_and_states_are_those_of_the_real_model_and_its_optimiser(words):
    training = prepare(compose("train", [*SMALL, *words]))
    found = sizes(compose("train", [*SMALL, *words]))
    assert found.parameters == sum(each.numel() for each in training.model.parameters())
    assert {part.name for part in found.parts if part.parameters} == {"encoders", "processor", "decoders"}
    optimisers = training.optimiser.build(dict(training.model.named_parameters()))
    for each in training.model.parameters():
        each.grad = torch.ones_like(each)
    for optimiser in optimisers:
        optimiser.step()
    states = [
        each for optimiser in optimisers for state in optimiser.state.values() for each in state.values()
    ]
    assert found.states == sum(each.nbytes for each in states if isinstance(each, torch.Tensor))
    graph = training.checkpoint.graph
    assert found.nodes == {name: len(nodes) for name, nodes in graph.nodes.items()}
    assert found.edges["data to hidden"] == len(graph.edges["data", "hidden"])


def test_what_is_kept_for_the_gradient_grows_with_layers_and_shrinks_with_checkpointing():
    def kept(*words):
        found = sizes(compose("train", [*SMALL, "model.processor.num_heads=1", *words]))
        return {part.name: part.kept for part in found.parts}

    two, four = kept("model.processor.num_layers=2"), kept("model.processor.num_layers=4")
    assert four["processor"] == pytest.approx(2 * two["processor"], rel=0.15)
    assert four["encoders"] == two["encoders"] > 0
    again = kept("model.processor.num_layers=4", "model.processor.gradient_checkpointing=true")
    assert again["processor"] < 0.5 * four["processor"]


def test_what_a_linear_layer_keeps_is_its_input():
    words = ["data=synthetic", "data.grid=F4", "model=sfno", "model.num_layers=1", "~graph"]
    one, two = (sizes(compose("train", [*words, f"model.channels={width}"])) for width in (8, 16))
    parts = [{part.name: part.kept for part in each.parts}["encoder"] for each in (one, two)]
    # In the encoder: what comes in, and twice the hidden state, before and after the activation.
    points = 8 * 16
    assert parts[1] - parts[0] == pytest.approx(2 * 4 * points * 8, rel=0.01)


def test_no_parameter_is_allocated():
    words = [*SMALL, "model.channels=8192", "model.processor.num_layers=4", "model.processor.num_heads=64"]
    before = getrusage(RUSAGE_SELF).ru_maxrss  # KiB
    found = sizes(compose("train", words))
    assert found.parameters > 3.2e9
    assert found.memory > 2 * 4 * found.parameters
    assert (getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024 < 0.1 * 4 * found.parameters


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_configuration_of_the_field_takes_a_step(name, tmp_path):
    words = [f"+experiment={name}", *TINY[name], "training.steps=2", "training.device=cpu"]
    training = prepare(compose("train", words))
    losses = []
    training.run(tmp_path / "run", on_step=lambda step, loss: losses.append(loss))
    assert len(losses) == 2
    assert all(loss > 0 for loss in losses)


def test_aifs_has_its_roles_weights_and_bounds():
    training = prepare(compose("train", ["+experiment=aifs-single", *TINY["aifs-single"]]))
    domain = training.data["data"].domain
    assert (len(domain.prognostic), len(domain.diagnostic), len(domain.forcings)) == (90, 12, 13)
    assert len(domain.inputs) == 103
    part = training.criterion.parts[0]
    weights = dict(zip(domain.outputs, part.fixed[0, 0, 0, 0].tolist(), strict=True))
    assert weights["z_500"] / weights["t_500"] == pytest.approx(12 / 6)
    assert weights["t_850"] / weights["t_50"] == pytest.approx(0.85 / 0.2)
    assert weights["sp"] / weights["2t"] == pytest.approx(10)
    assert weights["tp"] / weights["2t"] == pytest.approx(0.025)
    made = training.model.enforce({"data": -torch.ones(1, 1, 1, len(domain.grid), len(domain.outputs))})[
        "data"
    ]
    values = training.model.denormalise("data", made)
    for name in ("tp", "cp", "sf", "ro", "q_850", "tcc", "lcc"):
        assert values[..., domain.outputs.index(name)].min() >= 0


def test_graphcast_weighs_by_pressure_surface_and_tendency():
    training = prepare(compose("train", ["+experiment=graphcast", *TINY["graphcast"]]))
    domain = training.data["data"].domain
    assert (len(domain.outputs), len(domain.diagnostic)) == (227, 0)
    part = training.criterion.parts[0]
    weights = dict(zip(domain.outputs, part.fixed[0, 0, 0, 0].tolist(), strict=True))
    assert weights["t_1000"] / weights["t_500"] == pytest.approx(2)
    assert weights["msl"] / weights["2t"] == pytest.approx(0.1)


def parameters_of(*words):
    return sizes(compose("train", words)).parameters


COARSE = [
    "graph.refinement=1",
    "data.grid=15deg",
    "model.processor.num_layers=1",
    "model.processor.num_chunks=1",
]


def test_aifs_has_the_parameters_that_were_published_to_two_per_cent():
    one = parameters_of("+experiment=aifs-single", *COARSE)
    features = sizes(compose("train", ["+experiment=aifs-single", *COARSE])).edges
    base = one - 8 * (features["data to hidden"] + features["hidden to data"])
    layer = (
        12 * 1024**2 + 9 * 1024 + 4 * 1024
    )  # matrices; biases of them, of queries to the output; two norms
    # The edges of N320 and refinement 6, as a dry run prints them.
    whole = base + 15 * layer + 8 * (854_507 + 1_626_240)
    assert whole == pytest.approx(253e6, rel=0.02)
    assert round(whole / 1e6, 1) == 249.2


def test_graphcast_has_the_mlps_and_parameters_that_were_published_to_two_per_cent():
    def mlp(features, out=512, norm=True):
        return features * 512 + 512 + 512 * out + out + 2 * out * norm

    grid, mesh, edge = 2 * 227 + 8 + 2, 3, 4  # states, forcings and constants; positions; lengths and vectors
    found = sizes(compose("train", ["+experiment=graphcast", "graph.refinement=1", "data.grid=15deg"]))
    embeddings = 2 * mlp(grid) + mlp(mesh) + 3 * mlp(edge)  # of grid points in the decoder too
    rounds = 18 * (mlp(3 * 512) + mlp(2 * 512))  # 16 of the mesh, one to it and one from it
    assert found.parameters == embeddings + rounds + mlp(512) + mlp(512, out=227, norm=False)
    assert found.parameters == pytest.approx(36.7e6, rel=0.02)


def test_sfno_has_what_was_published_if_a_complex_number_counts_as_one():
    words = ["+experiment=sfno", "model.scale_factor=2"]
    twelve, twenty_four = (parameters_of(*words, f"data.grid={grid}deg") for grid in ("7.5", "3.75"))
    degree = (twenty_four - twelve) // 12  # of 12 rows of the blocks, and of 24
    assert degree == 8 * 384**2 * 2
    whole = twelve + (360 - 12) * degree
    assert whole - 360 * degree // 2 == pytest.approx(4.3e8, rel=0.01)


def test_a_dry_run_prints_sizes_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, [*SMALL, "--dry-run"])
    assert result.exit_code == 0, result.output
    assert "processor" in result.output
    assert "Training takes" in result.output
    training = prepare(compose("train", SMALL))
    samples, batch = len(training.samples[1]), training.settings.training.batch_size
    epoch = f"An epoch is {samples} samples in {math.ceil(samples / batch)} steps; "
    assert epoch + f"{training.settings.training.steps:,} are planned." in result.output
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_says_what_blocks_of_samples_take():
    found = sizes(compose("train", [*SMALL, "training.blocks.size=4", "training.blocks.mixed=1"]))
    domain = prepare(compose("train", SMALL)).data["data"]
    states = 4 + 3  # samples of two forecast steps have four states each, and begin one after the other
    state = 4 * len(domain.source.grid) * len(domain.source.variables)
    assert found.blocks == 2 * states * state
    assert "Blocks of samples take" in str(found)
    assert "Blocks" not in str(sizes(compose("train", SMALL)))
