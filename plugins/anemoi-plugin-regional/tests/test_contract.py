"""Whether what this distribution offers keeps its contract.

The objective works on two domains and the kit of objectives has one: its own tests are in test_objective.py.
"""

from anemoi_plugin_testing import ConfigContract, Contract


class TestScaler(Contract):
    kind = "scaler"
    name = "interior"
    options = {"rim": 0}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "regional"
