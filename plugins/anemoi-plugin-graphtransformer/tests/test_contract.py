"""The contracts of a processor, of a mapper and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, MapperContract, ProcessorContract


class TestGraphTransformerProcessor(ProcessorContract):
    name = "graphtransformer"


class TestGraphTransformerMapper(MapperContract):
    name = "graphtransformer"


class TestConfiguration(ConfigContract):
    name = "graphtransformer"
