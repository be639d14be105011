"""The contracts of a processor, with several convolutions, and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, ProcessorContract


class TestPyGProcessor(ProcessorContract):
    name = "pyg"


class TestPyGProcessorWithoutEdgeFeatures(ProcessorContract):
    name = "pyg"
    options = {"conv": "GraphConv", "normalisation": "rms_norm"}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "pyg"
