"""Whether all that this distribution offers keeps its contract, with the options in ``conformance.yaml``."""

from anemoi_plugin_testing import ConfigContract, Contract, ObjectiveContract


class TestObjective(ObjectiveContract):
    name = "limited-area"


class TestScaler(Contract):
    kind = "scaler"
    name = "interior"


class TestConfiguration(ConfigContract):
    name = "regional"
