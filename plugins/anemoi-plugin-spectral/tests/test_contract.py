"""Whether all that this distribution offers keeps its contract."""

from anemoi_plugin_testing import ConfigContract, ModelContract

from anemoi_plugin_spectral.model import SFNO


class TestModel(ModelContract):
    name = "sfno"


class TestModelOnTheGridOfTheData(ModelContract):
    name = SFNO
    options = {"scale_factor": 1, "normalisation": "instance_norm", "position_features": False}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "spectral"
