"""Whether all that this distribution offers keeps its contract."""

from __future__ import annotations

import pytest
from anemoi_plugin_testing import ConfigContract, SourceContract

from .making import message, states, write


class TestGrib(SourceContract):
    name = "grib"

    @pytest.fixture
    def contract_options(self, tmp_path_factory):
        """A file of two members at ten times, of which the fifth was left out."""
        path = tmp_path_factory.getbasetemp() / "contract.grib"
        if not path.exists():
            hours = [6 * i for i in range(10) if i != 4]
            write(
                path,
                (
                    message(name, level, time=f"2020-01-{1 + hour // 24:02d}T{hour % 24:02d}", member=member)
                    for hour in hours
                    for name, level in (("t", 850), ("2t", None))
                    for member in (0, 1)
                ),
            )
        return {"path": str(path)}


class TestNetcdf(SourceContract):
    name = "netcdf"

    @pytest.fixture
    def contract_options(self, tmp_path_factory):
        """A file of two members on two levels at ten times, of which the fifth was left out."""
        path = tmp_path_factory.getbasetemp() / "contract.nc"
        if not path.exists():
            states(path, hours=[6 * i for i in range(10) if i != 4])
        return {"path": str(path)}


class TestConfiguration(ConfigContract):
    name = "earthkit"
