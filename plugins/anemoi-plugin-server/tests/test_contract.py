"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import CommandContract, Contract, KindContract


class TestJobs(CommandContract):
    name = "jobs"


class TestServe(CommandContract):
    name = "serve"


class TestUsers(CommandContract):
    name = "users"


class TestServer(CommandContract):
    name = "server"


class TestJob(KindContract):
    name = "job"


class TestForecast(Contract):
    kind = "job"
    name = "forecast"


class TestData(Contract):
    kind = "job"
    name = "data"


class TestEvaluate(Contract):
    kind = "job"
    name = "evaluate"


class TestPlot(Contract):
    kind = "job"
    name = "plot"
