"""Accumulations, out of accumulations over other periods."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.errors import DataError

from anemoi_plugin_earthkit import GribSource
from anemoi_plugin_earthkit.accumulations import Accumulation, Accumulations

from .making import message, write

HOUR = 3600


def rain(base, start, end, amount, edition=2):
    """What fell from one hour of a forecast to another."""
    time = str(np.datetime64(base, "h"))
    return message("tp", None, edition=edition, time=time, step=f"{start}-{end}", values=amount, bits=24)


@pytest.mark.parametrize("edition", [1, 2])
def test_a_forecast_that_sums_from_its_start_gives_what_fell_in_each_step(edition, tmp_path):
    fell = np.array([1.0, 4.0, 0.0, 2.5])
    made = [
        message("2t", None, edition=edition, time="2020-01-01", step=str(step)) for step in range(0, 25, 6)
    ]
    made += [rain("2020-01-01T00", 0, 6 * (i + 1), total, edition) for i, total in enumerate(np.cumsum(fell))]
    source = GribSource(path=str(write(tmp_path / "fc.grib", made)), skip_incomplete=True)
    # Before the first time nothing fell that is known of.
    assert source.missing == {np.datetime64("2020-01-01T00", "s")}
    read = source.read(source.times[1:])[:, 0, 0, source.variables.index("tp")]
    np.testing.assert_allclose(read, fell, atol=1e-5)


def test_hourly_fields_of_short_forecasts_are_summed(tmp_path):
    """As in ERA5: precipitation from the forecasts from 06 and 18 UTC, the rest from analyses."""
    made = [message("2t", None, time=f"2020-01-02T{hour:02d}") for hour in (0, 6, 12)]
    for base in ("2020-01-01T06", "2020-01-01T18", "2020-01-02T06"):
        made += [rain(base, hour, hour + 1, 0.5 if "18" in base else 0.25) for hour in range(12)]
    source = GribSource(path=str(write(tmp_path / "era5.grib", made)))
    read = source.read(source.times)[:, 0, 0, source.variables.index("tp")]
    np.testing.assert_allclose(read, [3.0, 3.0, 1.5], atol=1e-5)


def test_what_cannot_be_had_is_named(tmp_path):
    made = [message("2t", None, time=f"2020-01-01T{hour:02d}") for hour in (0, 6, 12, 18)]
    made += [
        rain("2020-01-01T00", 0, 12, 1.0),
        rain("2020-01-01T12", 0, 6, 1.0),
        rain("2019-12-31T18", 0, 6, 1),
    ]
    path = write(tmp_path / "a.grib", made)
    with pytest.raises(DataError, match=r"tp for 2020-01-01T06.*tp for 2020-01-01T12") as error:
        GribSource(path=str(path))
    assert "cover the 6h before its time" in str(error.value)


def test_of_several_forecasts_the_latest_is_taken_and_none_is_subtracted_from_another():
    fields = [
        Accumulation(0, 6 * HOUR, 0, 0),
        Accumulation(0, 12 * HOUR, 0, 1),
        Accumulation(-6 * HOUR, 6 * HOUR, -6 * HOUR, 2),
        Accumulation(-6 * HOUR, 12 * HOUR, -6 * HOUR, 3),
    ]
    assert Accumulations(fields).over(6 * HOUR, 12 * HOUR) == ((0, -1), (1, 1))
    # The difference of rows 1 and 2, of two forecasts, would be from 6 to 12 too.
    assert Accumulations([fields[1], fields[2]]).over(6 * HOUR, 12 * HOUR) is None
