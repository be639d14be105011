"""The configurations of models: each takes a step, on a grid and with layers that are small."""

import pytest
import torch
from anemoi.core.config import compose
from anemoi_plugin_training.preparation import prepare
from anemoi_plugin_training.sizes import sizes

SMALL = ["graph.refinement=1", "model.processor.num_chunks=1", "model.processor.num_layers=1"]
TINY = {
    "aifs-crps": ["data.grid=O8", "model.channels=32", *SMALL],
    "fgn": ["data.grid=15deg", "model.channels=24", *SMALL],
    "sample-earth-ensemble": ["model.channels=8", "graph.refinement=1", "training.warmup_steps=1"],
}


@pytest.mark.parametrize("name", TINY)
def test_it_takes_a_step_from_which_members_differ(name, tmp_path):
    words = [f"+experiment={name}", *TINY[name], "training.steps=2", "training.device=cpu"]
    training = prepare(compose("train", [*words, "training.rollout=1", "training.rollout_steps=0"]))
    losses = []
    training.run(tmp_path / "run", on_step=lambda step, loss: losses.append(loss))
    assert len(losses) == 2
    assert all(loss > 0 for loss in losses)
    model = training.model.cpu()
    domain = model.normalised["data"]
    inputs = {"data": torch.randn(1, 2, 2, len(domain.grid), len(domain.inputs))}
    inputs["data"][:, :, 1] = inputs["data"][:, :, 0]
    with torch.no_grad():
        made = model.advance(inputs, torch.Generator().manual_seed(0))["data"]
    assert (made[:, :, 0] - made[:, :, 1]).abs().max() > 0


@pytest.mark.parametrize(("name", "layers", "millions"), [("aifs-crps", 16, 231), ("fgn", 24, 186)])
def test_at_full_size_it_has_about_the_parameters_of_the_paper(name, layers, millions):
    def parameters(count):
        few = ["graph.refinement=1", "data.grid=15deg", "model.processor.num_chunks=1"]
        words = [f"+experiment={name}", *few, f"model.processor.num_layers={count}"]
        return sizes(compose("train", words)).parameters

    one, two = parameters(1), parameters(2)
    assert (one + (layers - 1) * (two - one)) / 1e6 == pytest.approx(millions, abs=1)
