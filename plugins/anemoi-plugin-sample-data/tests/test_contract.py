"""The contracts of the data sources and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, SourceContract


class TestSample(SourceContract):
    name = "sample"


class TestSampleAtmosphere(SourceContract):
    name = "sample-atmosphere"


class TestSampleEarth(SourceContract):
    name = "sample-earth"


class TestSampleEarthOcean(SourceContract):
    name = "sample-earth-ocean"


class TestConfiguration(ConfigContract):
    name = "sample-data"
