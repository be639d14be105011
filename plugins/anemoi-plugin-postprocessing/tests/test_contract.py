"""Whether all that this distribution offers keeps its contract."""

from typing import ClassVar

import pytest
from anemoi_plugin_testing import PostProcessorContract


class TestAccumulate(PostProcessorContract):
    name = "accumulate"


class TestClip(PostProcessorContract):
    name = "clip"
    options: ClassVar = {"lower": {"tp": 0.0, "q": 0.0}, "upper": {"t_850": 280.0}}


@pytest.mark.parametrize(
    "statistics",
    [
        {},
        {"mean": False, "spread": True, "quantiles": [0.1, 0.5]},
        {"above": {"tp": [0.001]}, "below": {"t": [273.15, 263.15]}},
    ],
    ids=["mean", "quantiles", "probabilities"],
)
class TestEnsemble(PostProcessorContract):
    name = "ensemble"

    @pytest.fixture
    def contract_options(self, statistics):
        return statistics


class TestGeopotentialHeight(PostProcessorContract):
    name = "geopotential-height"


@pytest.mark.parametrize("method", ["linear", "inverse-distance", "nearest"])
@pytest.mark.parametrize("grid", [20.0, [15.0, 30.0], "O4", "F4"])
class TestRegrid(PostProcessorContract):
    name = "regrid"

    @pytest.fixture
    def contract_options(self, method, grid):
        return {"grid": grid, "method": method}


class TestRelativeHumidity(PostProcessorContract):
    name = "relative-humidity"


@pytest.mark.parametrize(
    "selection",
    [{"variables": ["2t", "t"]}, {"levels": [850]}, {"area": [60, -100, -60, 100]}],
    ids=["variables", "levels", "area"],
)
class TestSelect(PostProcessorContract):
    name = "select"

    @pytest.fixture
    def contract_options(self, selection):
        return selection


class TestUnits(PostProcessorContract):
    name = "units"
    options: ClassVar = {"to": {"t": "degC", "msl": "hPa", "tp": "kg m**-2", "10u": "knots"}}


class TestWind(PostProcessorContract):
    name = "wind"
