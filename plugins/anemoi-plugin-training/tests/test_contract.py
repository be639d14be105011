"""The contracts of a tracker, a command, a package of configuration and five kinds."""

from anemoi_plugin_testing import CommandContract, ConfigContract, KindContract, TrackerContract


class TestJsonLines(TrackerContract):
    name = "jsonl"


class TestTrain(CommandContract):
    name = "train"


class TestConfiguration(ConfigContract):
    name = "training"


class TestCallback(KindContract):
    name = "callback"


class TestLoss(KindContract):
    name = "loss"


class TestOptimiser(KindContract):
    name = "optimiser"


class TestSchedule(KindContract):
    name = "schedule"


class TestScaler(KindContract):
    name = "scaler"
