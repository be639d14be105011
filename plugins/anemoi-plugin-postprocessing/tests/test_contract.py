"""Whether all that this distribution offers keeps its contract, with the options in ``conformance.yaml``."""

import pytest
from anemoi_plugin_testing import PostProcessorContract


class TestAccumulate(PostProcessorContract):
    name = "accumulate"


class TestClip(PostProcessorContract):
    name = "clip"


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


class TestSelect(PostProcessorContract):
    name = "select"


@pytest.mark.parametrize(
    "selection", [{"levels": [850]}, {"area": [60, -100, -60, 100]}], ids=["levels", "area"]
)
class TestSelectOtherwise(PostProcessorContract):
    name = "select"

    @pytest.fixture
    def contract_options(self, selection):
        return selection


class TestUnits(PostProcessorContract):
    name = "units"


class TestWind(PostProcessorContract):
    name = "wind"
