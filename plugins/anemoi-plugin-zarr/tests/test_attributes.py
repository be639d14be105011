"""Every attribute that is written is true: compared with the arrays, as plain zarr reads them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.times import format_duration
from anemoi.core.variable import Role, Variable

from anemoi_plugin_zarr import ZarrOutput, ZarrSource
from anemoi_plugin_zarr.creation import Recipe, create

SIX = np.timedelta64(6 * 3600, "s")
FIELDS = np.random.default_rng(0).normal(280, 10, (3, 2, 4, 4)).astype("f4")  # (time, member, cell, variable)
FIELDS[..., 1] = np.float32(0.1)  # dry weather
FIELDS[..., 2] = np.array([0, 1, np.nan, 1])
FIELDS[1, 1, 3, 3] = np.nan
ABOUT = (
    Variable("t_850", units="K", level=850, level_type="pressure"),
    Variable("tp", role=Role.DIAGNOSTIC, units="m", accumulated=SIX),
    Variable("ci", units="1"),
    Variable("sst", units="K"),
)


def written(path: Path, description: ForecastDescription) -> Path:
    described = description.with_variables(ABOUT)
    with ZarrOutput(path=str(path), forecast=described) as output:
        for lead_time, fields in zip(described.lead_times, FIELDS, strict=True):
            output.write(State(described.start, lead_time, fields))
    return path


def check(path: Path) -> dict[str, Any]:
    """Compare what the attributes of a data set say with its arrays; give those that these say nothing of."""
    group = zarr.open_group(str(path), mode="r")
    said, data, dates = dict(group.attrs), group["data"], group["dates"][:]
    there = data[:][~np.isin(dates, np.array(said["missing_dates"], "M8[s]"))]
    constant = [(each == each[0]) | (np.isnan(each) & np.isnan(each[0])) for each in np.moveaxis(there, 1, 0)]
    names = said["variables"]
    same = sorted(name for name, each in zip(names, constant, strict=True) if each.all())
    with_nans = [name for name, some in zip(names, np.isnan(there).any(axis=(0, 2, 3)), strict=True) if some]
    about = said.pop("variables_metadata")
    assert list(about) == names
    assert [name for name in sorted(names) if about[name].get("constant_in_time")] == same
    expected = {
        "shape": list(data.shape),
        "chunks": list(data.chunks),
        "dtype": str(data.dtype),
        "dimensions": ["dates", "variables", "ensembles", "values"],
        "frequency": format_duration(np.diff(dates)[0].astype("m8[s]")),
        "start_date": str(dates[0].astype("M8[s]")),
        "end_date": str(dates[-1].astype("M8[s]")),
        "constant_fields": same,
        "variables_with_nans": with_nans,
        "allow_nans": with_nans or False,
        "resolution": None,
    }
    assert {name: said.pop(name) for name in expected} == expected
    assert (np.diff(dates) == np.diff(dates)[0]).all()
    assert np.prod(said.pop("field_shape")) == group["latitudes"].size == group["longitudes"].size
    start, end = (np.datetime64(said.pop(f"statistics_{which}_date")) for which in ("start", "end"))
    of_period = data[:][(dates >= start) & (dates <= end)].astype("f8")
    for name, how in (
        ("mean", np.nanmean),
        ("stdev", np.nanstd),
        ("minimum", np.nanmin),
        ("maximum", np.nanmax),
    ):
        np.testing.assert_allclose(group[name][:], how(of_period, axis=(0, 2, 3)), rtol=1e-6, atol=1e-7)
    return said


def test_attributes_of_a_forecast_are_true(tmp_path: Path, description: ForecastDescription) -> None:
    path = written(tmp_path / "forecast.zarr", description)
    said = check(path)
    assert set(said) == {"version", "variables", "missing_dates", "uuid", "provenance", "forecast"}
    lead_times = zarr.open_group(str(path))["dates"][:] - np.datetime64(said["forecast"]["start"])
    assert said["forecast"]["lead_times"] == [format_duration(each.astype("m8[s]")) for each in lead_times]
    read = ZarrSource(path=str(path)).metadata
    assert [name for name in read if read[name].constant] == ["tp", "ci"]
    # Its part in a model, level, units and period stay.
    for each in ABOUT:
        missing = each.name in ("ci", "sst")
        constant = each.name in ("tp", "ci")
        assert read[each.name] == dataclasses.replace(each, may_be_missing=missing, constant=constant)


def test_attributes_of_a_data_set_are_true(tmp_path: Path, description: ForecastDescription) -> None:
    data = {"name": "zarr", "path": str(written(tmp_path / "forecast.zarr", description))}
    made = create(Recipe(data=data, allow_nans=True, licence="CC0"), tmp_path / "out.zarr")
    said = check(made)
    assert set(said) == {"version", "variables", "missing_dates", "uuid", "provenance", "licence"}
