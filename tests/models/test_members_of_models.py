"""Which models go with which objectives, and why others do not."""

import json
import math

import pytest
import torch
from anemoi.core import config
from anemoi.core.checkpoint import build_model, load
from anemoi.core.errors import ConfigError
from anemoi_plugin_training import prepare
from anemoi_plugin_training.sizes import sizes

ENSEMBLE = (
    "training.batch_size=2",
    "training.device=cpu",
    "data=waves",
    "objective=ensemble",
    "objective.members=3",
    "objective.noise_channels=8",
    "loss=crps",
    "scalers.tendency.name=tendency-stdev",
    "training.steps=2",
    "training.rollout_steps=1",
    "training.warmup_steps=1",
)
ON_A_MESH = ("graph.refinement=0", "model.channels=8", "model.processor.num_layers=1")
LEVELS = ("hidden", "hidden_1", "hidden_2")
MODELS = {
    "transformer": ON_A_MESH,
    "gnn": ON_A_MESH,
    "graphtransformer": ON_A_MESH,
    "pyg": ON_A_MESH,
    "hierarchical": (
        "graph=hierarchical",
        *(f"graph.nodes.{level}.refinement={2 - place}" for place, level in enumerate(LEVELS)),
        "model.channels=8",
    ),
    "sfno": ("model.channels=8", "model.num_layers=1"),
}


OBJECTIVES = {
    "rollout": (),
    "diffusion": ("objective=diffusion",),
    "stochastic-interpolant": ("objective=stochastic-interpolant",),
    "ensemble-of-nodes": (*ENSEMBLE, "objective.noise=nodes"),
}
ONE_STEP = (
    "data=waves",
    "training.device=cpu",
    "training.steps=1",
    "training.rollout=1",
    "training.rollout_steps=0",
    "training.warmup_steps=0",
)
TAKES_NODES = ("transformer", "graphtransformer", "pyg")
OF_A_WHOLE_MEMBER = "the (model|processor) takes a condition for a whole member alone"


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_trained_with_every_objective_or_refused_with_the_reason(
    installed, tmp_path, name, objective
):
    words = (*OBJECTIVES[objective], *ONE_STEP, f"model={name}", *MODELS[name])
    if objective == "ensemble-of-nodes" and name not in TAKES_NODES:
        with pytest.raises(ConfigError, match=OF_A_WHOLE_MEMBER):
            prepare(config.compose("train", words))
        return
    prepare(config.compose("train", words)).run(tmp_path / "run")
    losses = [json.loads(line).get("loss") for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert any(losses)
    assert all(loss is None or math.isfinite(loss) for loss in losses)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_takes_a_condition_is_trained_by_a_score_over_members(installed, tmp_path, name):
    words = (*ENSEMBLE, f"model={name}", *MODELS[name])
    path = prepare(config.compose("train", words)).run(tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines if "loss" in json.loads(line)]
    assert len(losses) >= 2
    assert all(math.isfinite(loss) for loss in losses)
    model = build_model(load(path)).eval()
    domain = model.normalised["data"]
    same = torch.randn(1, 2, 1, len(domain.grid), len(domain.inputs)).expand(-1, -1, 2, -1, -1)
    with torch.no_grad():
        one, other = model.advance({"data": same}, torch.Generator().manual_seed(0))["data"].unbind(2)
    assert (one - other).abs().max() > 0


@pytest.mark.parametrize(
    ("objective", "numbers"),
    [(ENSEMBLE, 8), (OBJECTIVES["diffusion"], 17), (OBJECTIVES["stochastic-interpolant"], 17)],
)
@pytest.mark.parametrize("name", ["spectral", "image"])
def test_a_model_without_a_layer_that_takes_a_condition_is_refused_with_the_reason(
    installed, name, objective, numbers
):
    said = f"conditions the model on {numbers} numbers, but the model takes no condition"
    with pytest.raises(ConfigError, match=said):
        prepare(config.compose("train", (*ONE_STEP, *objective, f"model={name}")))


def test_a_fair_score_of_one_member_is_refused(installed):
    of_one = (word for word in ENSEMBLE if not word.startswith("objective"))
    words = (*of_one, "loss.alpha=1", *ON_A_MESH)
    with pytest.raises(ConfigError, match="loss: crps with these options needs 2 members of each sample"):
        prepare(config.compose("train", words))


@pytest.mark.parametrize("loss", ["mse", "mae", "combined"])
@pytest.mark.parametrize("act", [prepare, sizes])
def test_a_loss_that_makes_all_members_the_same_is_refused(installed, loss, act):
    words = (word for word in ENSEMBLE if not word.startswith("loss"))
    said = f"loss: {loss} is no score over members: the 3 members of each sample"
    with pytest.raises(ConfigError, match=said):
        act(config.compose("train", (*words, f"loss={loss}", *ON_A_MESH)))


@pytest.mark.parametrize("objective", ["diffusion", "stochastic-interpolant"])
@pytest.mark.parametrize("loss", ["crps", "mae"])
def test_a_loss_that_is_not_least_at_the_mean_is_refused_where_means_are_learnt(installed, objective, loss):
    words = (word for word in ENSEMBLE if not word.startswith(("loss", "objective")))
    with pytest.raises(ConfigError, match=f"loss: {loss} is not least at the mean"):
        prepare(config.compose("train", (*words, f"objective={objective}", f"loss={loss}", *ON_A_MESH)))


def test_a_validation_of_several_members_chooses_the_weights_by_a_metric_of_ensembles(installed, tmp_path):
    chosen = "validation_crps_t_850_6h"
    words = (
        *ENSEMBLE,
        *ON_A_MESH,
        "dates.end=2020-01-03",
        "dates.validation.start=2020-01-04",
        "training.validation.members=4",
        "training.validation.every_steps=1",
        "training.validation.dates=2",
        "training.validation.rollout=1",
        "metric=[crps,spread-skill]",
        f"training.validation.metric={chosen}",
    )
    prepare(config.compose("train", words)).run(tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert all(line[chosen] > 0 and line["validation_spread_skill_t_850_6h"] > 0 for line in lines)
    assert (tmp_path / "run" / "best.safetensors").exists()
