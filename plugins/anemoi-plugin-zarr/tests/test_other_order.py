"""The same points, times and axes in another order in a store of fields: the same bits for a model."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from anemoi.core.conforming import ConformedWarning, conformed
from anemoi.core.domain import Domain, Statistics
from anemoi.core.variable import Variable

from anemoi_plugin_zarr import ZarrSource

from .test_gridded import store, weatherbench


def _around(made: xr.Dataset) -> xr.Dataset:
    first = made.isel(longitude=[0]).assign_coords(longitude=[360.0])
    first["longitude"].attrs = made["longitude"].attrs
    return xr.concat([made, first], "longitude", data_vars="minimal")


def _from_180(made: xr.Dataset) -> xr.Dataset:
    longitudes = (made["longitude"] + 180) % 360 - 180
    longitudes.attrs = made["longitude"].attrs
    return made.assign_coords(longitude=longitudes).sortby("longitude")


ORDERS = {
    "from the north": lambda made: made.isel(latitude=slice(None, None, -1)),
    "from -180": _from_180,
    "cyclic": _around,
    "cyclic, from the north": lambda made: _around(made).isel(latitude=slice(None, None, -1)),
    "backwards in time": lambda made: made.isel(time=slice(None, None, -1)),
    "levels from below": lambda made: made.isel(level=[1, 0]),
    "rows first": lambda made: made.transpose("latitude", "level", "longitude", "time"),
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_model_gets_the_same_bits(tmp_path: Path, order: str) -> None:
    made = weatherbench()[["2m_temperature", "temperature"]]
    usual = ZarrSource(path=store(made, tmp_path / "usual.zarr"))
    numbers = Statistics(*(np.zeros(len(usual.variables)) for _ in range(4)))
    variables = tuple(Variable(name, units="K") for name in usual.variables)
    domain = Domain(variables, usual.grid, usual.frequency, numbers, numbers)
    path = store(ORDERS[order](made), tmp_path / "other.zarr")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source: Any = conformed(ZarrSource(path=path), domain)
    assert source.grid.matches(usual.grid)
    columns = [source.variables.index(name) for name in usual.variables]
    np.testing.assert_array_equal(source.read(usual.times)[..., columns], usual.read(usual.times))
    told = [each for each in caught if each.category is ConformedWarning or "in order" in str(each.message)]
    # Of levels and axes each number says itself where it belongs.
    assert bool(told) == (order not in ("levels from below", "rows first"))
