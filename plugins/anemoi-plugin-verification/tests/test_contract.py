"""The contracts of the commands."""

from anemoi.core.testing import CommandContract


class TestEvaluate(CommandContract):
    name = "evaluate"


class TestPlot(CommandContract):
    name = "plot"
