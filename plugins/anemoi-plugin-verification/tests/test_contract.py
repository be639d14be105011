"""The contracts of what this distribution offers, with the options in ``conformance.yaml``."""

from typing import ClassVar

from anemoi_plugin_testing import CommandContract, ConfigContract, Contract, KindContract


class TestEvaluate(CommandContract):
    name = "evaluate"


class TestPlot(CommandContract):
    name = "plot"


class TestConfiguration(ConfigContract):
    name = "verification"


class TestPlots(Contract):
    kind = "callback"
    name = "plots"


class TestMetric(KindContract):
    name = "metric"


class TestAcc(Contract):
    kind = "metric"
    name = "acc"


class TestBias(Contract):
    kind = "metric"
    name = "bias"


class TestCrps(Contract):
    kind = "metric"
    name = "crps"


class TestFairCrps(Contract):
    kind = "metric"
    name = "crps"
    options: ClassVar = {"fair": True}


class TestRmse(Contract):
    kind = "metric"
    name = "rmse"


class TestSpread(Contract):
    kind = "metric"
    name = "spread"


class TestSpreadSkill(Contract):
    kind = "metric"
    name = "spread-skill"


class TestEnergyScore(Contract):
    kind = "metric"
    name = "energy-score"


class TestFairEnergyScore(Contract):
    kind = "metric"
    name = "energy-score"
    options: ClassVar = {"fair": True}


class TestBrier(Contract):
    kind = "metric"
    name = "brier"


class TestFairBrier(Contract):
    kind = "metric"
    name = "brier"
    options: ClassVar = {"fair": True, "thresholds": {"t_850": 1.5}}


class TestRankHistogram(Contract):
    kind = "metric"
    name = "rank-histogram"


class TestSpectrum(Contract):
    kind = "metric"
    name = "spectrum"
