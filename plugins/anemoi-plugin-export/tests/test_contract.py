"""The contract of what this distribution offers."""

from anemoi_plugin_testing import CommandContract


class TestExport(CommandContract):
    name = "checkpoint.export"
