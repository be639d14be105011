"""The contracts of what this distribution offers."""

from anemoi_plugin_testing import CommandContract


class TestCheck(CommandContract):
    name = "plugins.check"


class TestNew(CommandContract):
    name = "plugins.new"


class TestUpdate(CommandContract):
    name = "plugins.update"
