"""Another plugin's component in a model: its own defaults, and none of the options of the one it replaces."""

import pytest
from anemoi.core.config import compose
from anemoi.core.config.explain import explain
from anemoi.core.config.validate import problems


@pytest.mark.parametrize("word", ["model.processor.name=gnn", "model/processor=gnn"])
@pytest.mark.parametrize("model", ["graphtransformer", "transformer", "pyg"])
def test_a_part_of_the_model_takes_another_component(model, word):
    composition = compose("train", [f"model={model}", word, "model.processor.mlp_extra_layers=1"])
    assert composition.get("model.processor") == {"name": "gnn", "mlp_extra_layers": 1}
    assert problems(composition) == []
    [layers] = explain(composition, "model.processor.num_layers")
    assert (layers.value, layers.history) == (4, ())
    assert "gnn (anemoi-plugin-gnn" in str(layers)
