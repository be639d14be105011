"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ObjectiveContract


class TestInterpolator(ObjectiveContract):
    name = "interpolator"


class TestConfiguration(ConfigContract):
    name = "downscaling"
