"""The contracts of a tracker, a command and a package of configuration."""

import pytest
from anemoi_plugin_testing import CommandContract, ConfigContract, TrackerContract


class TestMlflow(TrackerContract):
    name = "mlflow"

    @pytest.fixture
    def contract_options(self, server):
        # What is delivered is tested elsewhere: here no run waits for it at its end.
        return {"uri": server.uri, "patience": 0.0}


class TestCommand(CommandContract):
    name = "mlflow"


class TestConfiguration(ConfigContract):
    name = "mlflow"
