"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ObjectiveContract


class TestObjective(ObjectiveContract):
    name = "ensemble"


class TestConfiguration(ConfigContract):
    name = "ensemble"
