"""The contracts of a tracker, a command and a package of configuration."""

from anemoi.core.testing import CommandContract, ConfigContract, TrackerContract


class TestJsonLines(TrackerContract):
    name = "jsonl"


class TestTrain(CommandContract):
    name = "train"


class TestConfiguration(ConfigContract):
    name = "training"
