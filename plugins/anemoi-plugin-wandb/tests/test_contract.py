"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, TrackerContract


class TestTracker(TrackerContract):
    name = "wandb"


class TestConfiguration(ConfigContract):
    name = "wandb"
