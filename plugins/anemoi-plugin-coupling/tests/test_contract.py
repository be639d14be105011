"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import CommandContract, ConfigContract


class TestCommand(CommandContract):
    name = "couple"


class TestConfiguration(ConfigContract):
    name = "coupling"
