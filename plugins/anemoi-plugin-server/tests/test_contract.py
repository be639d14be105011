"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import CommandContract


class TestJobs(CommandContract):
    name = "jobs"


class TestServe(CommandContract):
    name = "serve"


class TestUsers(CommandContract):
    name = "users"
