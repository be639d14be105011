"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ModelContract

LAYER = {"name": "gnn"}


class TestModel(ModelContract):
    name = "hierarchical"
    options = {  # noqa: RUF012
        "channels": 8,
        "encoder": LAYER,
        "processor": {"name": "gnn", "num_layers": 1},
        "decoder": LAYER,
        "up": LAYER,
        "down": LAYER,
    }


class TestConfiguration(ConfigContract):
    name = "hierarchical"
