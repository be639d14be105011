"""Another plugin's component in a model: its own defaults, and none of the options of the one it replaces."""

import pytest
from anemoi.core.config import compose
from anemoi.core.config.explain import explain
from anemoi.core.config.validate import problems


@pytest.mark.parametrize("word", ["model.processor.name=gnn", "model/processor=gnn"])
@pytest.mark.parametrize("model", ["graphtransformer", "transformer", "pyg"])
def test_a_part_of_the_model_takes_another_component(model, word):
    composition = compose("train", [f"model={model}", word, "model.processor.mlp_extra_layers=1"])
    own = compose("train", ["model=gnn"])
    assert composition.get("model.processor") == {**own.get("model.processor"), "mlp_extra_layers": 1}
    assert problems(composition) == []
    [layers] = explain(composition, "model.processor.num_layers")
    assert layers.history == own.history("model.processor.num_layers")
    assert "gnn (anemoi-plugin-gnn" in str(layers)
    [norm] = explain(composition, "model.processor.normalisation")
    assert norm.history == ()  # nobody configures it: the constructor's default


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize("other", ["gnn", "graphtransformer", "transformer"])
def test_either_end_takes_another_mapper_as_its_own_plugin_configures_it(part, other):
    model = "transformer" if other == "gnn" else "gnn"
    composition = compose("train", [f"model={model}", f"model.{part}.name={other}"])
    assert composition.get(f"model.{part}") == compose("train", [f"model={other}"]).get(f"model.{part}")
    assert problems(composition) == []


def test_what_has_a_group_of_its_own_is_replaced_as_the_group_has_it():
    assert compose("train", ["loss.name=huber"]).get("loss") == compose("train", ["loss=huber"]).get("loss")
    assert compose("train", ["model.name=sfno"]).get("model") == compose("train", ["model=sfno"]).get("model")
