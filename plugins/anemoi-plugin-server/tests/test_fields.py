"""Fields as maps take them are those that were written, on any grid."""

from __future__ import annotations

import numpy as np
import pytest
from anemoi.core.grid import Grid

from anemoi_plugin_server.results.packing import MISSING, pack
from anemoi_plugin_server.results.sampling import NOTHING, Places

from . import weather

EUROPE = (60.0, -12.0, 35.0, 25.0)
TIME = "2025-12-22T12:00:00Z"


def unpacked(content):
    offset, step = np.frombuffer(content[:16], "<f8")
    codes = np.frombuffer(content[16:], "<u2")
    return np.where(codes == MISSING, np.nan, offset + step * codes)


def distance(grid, latitude, longitude):
    """Great-circle distance by the haversine formula, in radians."""
    lat, lon, p, q = (np.radians(each) for each in (grid.latitudes, grid.longitudes, latitude, longitude))
    half = np.sin((lat - p) / 2) ** 2 + np.cos(lat) * np.cos(p) * np.sin((lon - q) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(half))


@pytest.fixture
def forecast(keep):
    def forecast(grid, suffix="zarr", output="zarr", **more):
        return keep(
            lambda files: weather.write_forecast(files / f"forecast.{suffix}", grid, output=output, **more),
            of=repr((len(grid), suffix, more)),
        )

    return forecast


@pytest.fixture
def ask(client):
    def ask(job, what, **query):
        address = f"/api/v1/results/{job.id}/fields{what}"
        return client.get(address, params={"file": "forecast.zarr", **query})

    return ask


@pytest.mark.parametrize(
    "grid", [weather.octahedral(16), weather.regular(5), weather.regular(2.5, EUROPE)], ids=len
)
def test_each_cell_shows_the_point_that_is_nearest(grid):
    sampling = Places(grid).sampling
    rows, columns = sampling.raster.shape
    for row, column in np.random.default_rng(1).integers(0, (rows, columns), (40, 2)):
        latitude = sampling.north - (row + 0.5) * (sampling.north - sampling.south) / rows
        longitude = sampling.west + (column + 0.5) * (sampling.east - sampling.west) / columns
        away = distance(grid, latitude, longitude)
        number = sampling.raster[row, column]
        if number != NOTHING:
            assert away[sampling.points[number]] == pytest.approx(away.min(), abs=1e-9)
        else:
            assert not sampling.is_global


def test_a_map_of_a_region_shows_the_region_alone_and_all_of_it():
    north, west, south, east = 40.0, 165.0, 10.0, 200.0  # across the antimeridian
    grid = weather.regular(1.0, (north, west, south, east))
    wrapped = Grid(grid.latitudes, (grid.longitudes + 180) % 360 - 180)
    sampling = Places(wrapped).sampling
    assert not sampling.is_global
    assert len(sampling.points) == len(grid)
    assert sampling.west % 360 == pytest.approx(west, abs=1)
    assert sampling.east % 360 == pytest.approx(east, abs=1)
    hole = Grid(*(each[distance(grid, 25, 182) > 0.12] for each in (grid.latitudes, grid.longitudes)))
    assert np.count_nonzero(Places(hole).sampling.raster == NOTHING) > 500


def test_of_a_fine_grid_no_more_is_sent_than_a_map_shows():
    i = np.arange(600_000) + 0.5
    fine = Grid(np.degrees(np.arcsin(1 - i / 300_000)), (i * 180 * (3 - 5**0.5)) % 360)
    sampling = Places(fine).sampling
    assert len(sampling.points) <= sampling.raster.size < 300_000


def test_a_packed_value_is_what_it_was_to_half_a_step():
    values = np.random.default_rng(2).normal(280, 20, 1000)
    values[:7] = np.nan
    back = unpacked(pack(values))
    assert np.isnan(back[:7]).all()
    half = np.ptp(values[7:]) / 65534 / 2
    np.testing.assert_allclose(back[7:], values[7:], rtol=0, atol=half * 1.001)
    assert np.isnan(unpacked(pack(np.full(3, np.nan)))).all()
    np.testing.assert_array_equal(unpacked(pack(np.full(3, 7.0))), 7.0)


def test_a_description_tells_what_there_is(ask, forecast):
    grid = weather.octahedral(8)
    said = ask(forecast(grid, states=3, members=2), "").json()
    assert said["start"] == "2025-12-22T00:00:00Z"
    assert said["times"] == ["2025-12-22T06:00:00Z", TIME, "2025-12-22T18:00:00Z"]
    assert said["members"] == 2
    assert (said["grid"]["points"], said["grid"]["global"]) == (len(grid), True)
    level = next(each for each in said["variables"] if each["name"] == "t_850")
    assert (level["parameter"], level["level"], level["level_type"]) == ("t", 850, "pressure")
    assert (level["shown"], level["offset"]) == ("°C", -273.15)


@pytest.mark.parametrize(("suffix", "output"), [("zarr", "zarr"), ("nc", "netcdf")])
def test_fields_come_out_of_every_format_as_they_went_in(ask, forecast, suffix, output):
    grid = weather.regular(5, EUROPE)
    job = forecast(grid, suffix, output, states=2)
    query = {"file": f"forecast.{suffix}", "time": TIME}
    raster = np.frombuffer(ask(job, "/grid", file=f"forecast.{suffix}").content, "<u4")
    assert set(raster) - {NOTHING} == set(range(len(grid)))
    written = weather.fields(grid, 12)[0]
    for column, variable in enumerate(weather.VARIABLES):
        found = unpacked(ask(job, "/values", variable=variable.name, **query).content)
        there = np.isfinite(written[:, column])
        step = np.ptp(written[there, column]) / 65534
        np.testing.assert_allclose(found, written[:, column], rtol=1e-6, atol=step)


def test_what_is_told_of_an_ensemble_is_told_of_its_members(ask, forecast):
    grid = weather.octahedral(4)
    job = forecast(grid, states=2, members=5)
    values = weather.fields(grid, 12, 5)[..., 0].astype(np.float64)
    shown = {
        "mean": (values.mean(0), {}),
        "spread": (values.std(0, ddof=1), {}),
        "above": (100 * (values > 280).mean(0), {"threshold": 280}),
        "below": (100 * (values < 280).mean(0), {"threshold": 280}),
        "member": (values[3], {"member": 3}),
    }
    for statistic, (expected, more) in shown.items():
        found = ask(job, "/values", variable="2t", time=TIME, statistic=statistic, **more)
        np.testing.assert_allclose(unpacked(found.content), expected, atol=1e-3)


def test_a_difference_takes_the_nearest_point_of_the_other(ask, forecast):
    one, other = weather.octahedral(8), weather.regular(10, (87.3, -178.3, -86.1, 178.9))
    here, there = forecast(one, states=2), forecast(other, states=2)
    nearest = [distance(other, *place).argmin() for place in zip(one.latitudes, one.longitudes, strict=True)]
    expected = weather.fields(one, 12)[0, :, 0] - weather.fields(other, 12)[0, nearest, 0]
    minus = f"{there.id}/forecast.zarr"
    found = unpacked(ask(here, "/values", variable="2t", time=TIME, minus=minus).content)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_meteogram_is_of_the_nearest_point(ask, forecast):
    grid = weather.octahedral(8)
    job = forecast(grid, states=3, members=2)
    said = ask(job, "/point", variable="2t", latitude=52.0, longitude=-170.0).json()
    point = distance(grid, 52.0, -170.0).argmin()
    assert said["latitude"] == pytest.approx(grid.latitudes[point])
    assert said["longitude"] % 360 == pytest.approx(grid.longitudes[point])
    expected = [weather.fields(grid, hours, 2)[:, point, 0] for hours in (6, 12, 18)]
    np.testing.assert_allclose(said["values"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("what", "query", "status", "said"),
    [
        ("", {"file": "absent.zarr"}, 404, "has no 'absent.zarr'"),
        ("", {"file": "../../../server.sqlite"}, 404, "has no"),
        ("", {"file": "/etc/passwd"}, 404, "has no"),
        ("", {"file": ""}, 404, "has no"),
        ("/values", {"variable": "no", "time": TIME}, 422, "no variable 'no'"),
        ("/values", {"variable": "2t", "time": "2030-01-01T00"}, 404, "from 2025-12-22T06"),
        ("/values", {"variable": "2t", "time": "soon"}, 422, "soon"),
        ("/values", {"variable": "2t", "time": TIME, "statistic": "spread"}, 422, "no spread"),
        ("/values", {"variable": "2t", "time": TIME, "statistic": "member", "member": 9}, 422, "no member 9"),
        ("/values", {"variable": "2t", "time": TIME, "minus": "source:secret"}, 422, "no source 'secret'"),
        ("/values", {"variable": "2t", "time": TIME, "minus": "nothing/x.zarr"}, 404, "no job nothing"),
        ("/point", {"variable": "2t", "latitude": 91, "longitude": 0}, 422, "problems"),
    ],
)
def test_what_is_not_there_is_told(ask, forecast, what, query, status, said):
    answer = ask(forecast(weather.octahedral(4), states=2), what, **query)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.text


def test_a_browser_keeps_what_never_changes(ask, forecast):
    job = forecast(weather.octahedral(4), states=2)
    for what, query in (("", {}), ("/grid", {}), ("/values", {"variable": "2t", "time": TIME})):
        assert "immutable" in ask(job, what, **query).headers["cache-control"]
