"""The contracts of a processor, of a mapper and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, MapperContract, ProcessorContract


class TestTransformerProcessor(ProcessorContract):
    name = "transformer"


class TestTransformerMapper(MapperContract):
    name = "transformer"


class TestConfiguration(ConfigContract):
    name = "transformer"
