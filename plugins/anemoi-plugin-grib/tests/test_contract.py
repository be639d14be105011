"""Whether all that this distribution offers keeps its contract."""

import pytest
from anemoi_plugin_testing import OutputContract

from .reader import Reader


class TestOutput(OutputContract):
    name = "grib"
    reader = Reader


@pytest.mark.parametrize("packing", ["ccsds", "simple"])
class TestPacking(OutputContract):
    name = "grib2"
    reader = Reader

    @pytest.fixture
    def contract_options(self, packing):
        return {"packing": packing, "bits": 20}
