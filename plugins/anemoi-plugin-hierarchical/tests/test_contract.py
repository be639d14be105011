"""Whether all that this distribution offers keeps its contract, with the options in ``conformance.yaml``."""

from anemoi_plugin_testing import ConfigContract, ModelContract


class TestModel(ModelContract):
    name = "hierarchical"


class TestConfiguration(ConfigContract):
    name = "hierarchical"
