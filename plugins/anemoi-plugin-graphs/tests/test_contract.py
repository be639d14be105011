"""The contracts of a graph builder and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, GraphContract


class TestIcosahedral(GraphContract):
    name = "icosahedral"
    options = {"refinement": 1}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "graphs"
