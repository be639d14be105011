"""The contracts of a processor, of a mapper and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, MapperContract, ProcessorContract


class TestGNNProcessor(ProcessorContract):
    name = "gnn"


class TestGNNMapper(MapperContract):
    name = "gnn"


class TestConfiguration(ConfigContract):
    name = "gnn"
