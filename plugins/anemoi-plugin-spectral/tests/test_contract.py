"""The contract of a package of configuration."""

from anemoi.core.testing import ConfigContract


class TestConfiguration(ConfigContract):
    name = "spectral"
