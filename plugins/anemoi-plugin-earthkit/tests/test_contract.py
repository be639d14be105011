"""Whether all that this distribution offers keeps its contract, with the options in ``conformance.yaml``."""

from anemoi_plugin_testing import ConfigContract, SourceContract


class TestGrib(SourceContract):
    name = "grib"


class TestNetcdf(SourceContract):
    name = "netcdf"


class TestConfiguration(ConfigContract):
    name = "earthkit"
