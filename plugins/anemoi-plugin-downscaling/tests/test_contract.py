"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ObjectiveContract


class TestInterpolator(ObjectiveContract):
    name = "interpolator"


class TestDownscaler(ObjectiveContract):
    name = "downscaler"


class TestConfiguration(ConfigContract):
    name = "downscaling"
