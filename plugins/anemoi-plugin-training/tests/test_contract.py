"""The contracts of a loss, a tracker, a command and a package of configuration."""

from anemoi.core.testing import CommandContract, ConfigContract, LossContract, TrackerContract


class TestMeanSquaredError(LossContract):
    name = "mse"


class TestJsonLines(TrackerContract):
    name = "jsonl"


class TestTrain(CommandContract):
    name = "train"


class TestConfiguration(ConfigContract):
    name = "training"
