"""The simulated atmosphere and the ocean below it."""

from __future__ import annotations

import json
import zipfile
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from anemoi_plugin_zarr import ZarrSource
from numpy.typing import NDArray

from anemoi_plugin_sample_data import SampleEarth, SampleEarthOcean

SOURCES = {"sample-earth": SampleEarth, "sample-earth-ocean": SampleEarthOcean}
UNITS = {
    **{f"{wind}_{level}": "m s-1" for wind in "uv" for level in (200, 510, 835)},
    **{f"t_{level}": "K" for level in (200, 510, 835)},
    **dict.fromkeys(("q_510", "q_835"), "kg kg-1"),
    "z_510": "m2 s-2",
    "sp": "Pa",
    "2t": "K",
    **dict.fromkeys(("10u", "10v"), "m s-1"),
    "skt": "K",
    "tp": "m",
    "sst": "K",
    "ci": "1",
    "lsm": "1",
    "z_sfc": "m2 s-2",
}


def attributes(name: str) -> dict[str, Any]:
    with zipfile.ZipFile(str(files("anemoi_plugin_sample_data") / "data" / f"{name}.zarr.zip")) as archive:
        return dict(json.loads(archive.read(".zattrs")))


def metadata(name: str) -> dict[str, dict[str, Any]]:
    return dict(attributes(name)["variables_metadata"])


def values(source: ZarrSource) -> dict[str, NDArray[np.float32]]:
    """Each variable at all times, ``(time, grid)``."""
    fields = source.read(source.times)[:, 0]
    return dict(zip(source.variables, np.moveaxis(fields, -1, 0), strict=True))


@pytest.fixture(scope="module")
def atmosphere() -> dict[str, NDArray[np.float32]]:
    return values(SampleEarth())


@pytest.fixture(scope="module")
def ocean() -> dict[str, NDArray[np.float32]]:
    return values(SampleEarthOcean())


def test_both_have_their_variables() -> None:
    assert dict(SampleEarth().units) == UNITS
    assert SampleEarth().variables == tuple(UNITS)
    assert dict(SampleEarthOcean().units) == {"sst": "K", "ci": "1", "hf": "W m-2"}
    assert SampleEarthOcean().variables == ("sst", "ci", "hf")


def test_both_have_the_same_times() -> None:
    atmosphere, ocean = SampleEarth(), SampleEarthOcean()
    np.testing.assert_array_equal(atmosphere.times, ocean.times)
    assert atmosphere.times[0] == np.datetime64("2000-03-01T06")
    assert len(atmosphere.times) == 85 * 4


def test_the_atmosphere_is_on_a_gaussian_grid() -> None:
    grid = SampleEarth().grid
    assert grid.field_shape == (48, 96)
    roots = np.polynomial.legendre.leggauss(48)[0][::-1]  # sines of the Gaussian latitudes, north first
    sines = np.sin(np.deg2rad(grid.latitudes.reshape(48, 96)))
    np.testing.assert_allclose(sines, roots[:, None] + np.zeros(96), atol=1e-9)
    np.testing.assert_allclose(grid.longitudes.reshape(48, 96), np.zeros((48, 1)) + np.arange(96) * 3.75)


def test_the_ocean_is_on_another_grid() -> None:
    grid = SampleEarthOcean().grid
    assert grid.field_shape == (45, 90)
    np.testing.assert_array_equal(grid.latitudes, np.repeat(np.arange(88, -89, -4), 90))
    np.testing.assert_array_equal(grid.longitudes, np.tile(np.arange(2, 360, 4), 45))


@pytest.mark.parametrize("variable", ["sst", "ci"])
def test_what_the_sea_has_is_nan_exactly_over_land(
    atmosphere: dict[str, NDArray[np.float32]], variable: str
) -> None:
    np.testing.assert_array_equal(np.isnan(atmosphere[variable]), atmosphere["lsm"] > 0.5)


def test_the_variables_of_the_ocean_have_one_coast(ocean: dict[str, NDArray[np.float32]]) -> None:
    land = np.isnan(ocean["sst"])
    assert 0.3 < land.mean() < 0.4
    for variable in ("ci", "hf"):
        np.testing.assert_array_equal(np.isnan(ocean[variable]), land)


def test_both_oceans_are_the_same_ocean(
    atmosphere: dict[str, NDArray[np.float32]], ocean: dict[str, NDArray[np.float32]]
) -> None:
    for variable, difference in (("sst", 0.5), ("ci", 0.01)):
        means = [
            np.nansum(fields[variable][0] * areas) / areas[~np.isnan(fields[variable][0])].sum()
            for fields, areas in (
                (atmosphere, SampleEarth().grid.areas),
                (ocean, SampleEarthOcean().grid.areas),
            )
        ]
        assert abs(means[0] - means[1]) < difference


def test_values_are_within_their_bounds(
    atmosphere: dict[str, NDArray[np.float32]], ocean: dict[str, NDArray[np.float32]]
) -> None:
    for variable in ("tp", "q_510", "q_835"):
        assert atmosphere[variable].min() == 0
        assert not np.signbit(atmosphere[variable]).any()
    for fraction in (atmosphere["ci"], ocean["ci"], atmosphere["lsm"]):
        assert np.nanmin(fraction) == 0
        assert 0.99 < np.nanmax(fraction) <= 1


def test_what_is_said_to_be_constant_is(atmosphere: dict[str, NDArray[np.float32]]) -> None:
    constant = [
        variable for variable, fields in atmosphere.items() if not np.nan_to_num(fields - fields[0]).any()
    ]
    assert constant == ["lsm", "z_sfc"]
    assert attributes("sample-earth")["constant_fields"] == constant
    known = metadata("sample-earth")
    assert [variable for variable in known if known[variable].get("constant_in_time")] == constant
    assert attributes("sample-earth-ocean")["constant_fields"] == []


def test_sea_surface_temperature_changes_once_a_day(
    atmosphere: dict[str, NDArray[np.float32]], ocean: dict[str, NDArray[np.float32]]
) -> None:
    for sst in (atmosphere["sst"], ocean["sst"]):
        changed = np.nan_to_num(np.diff(sst, axis=0)).any(axis=1)
        assert set(SampleEarth().times[1:][changed].astype("datetime64[h]").astype(int) % 24) == {6}


@pytest.mark.parametrize("name", SOURCES)
def test_all_values_are_multiples_of_the_step(name: str) -> None:
    source = SOURCES[name]()
    steps = source.provenance["rounded_to"]
    assert list(steps) == list(source.variables)
    fields = np.nan_to_num(source.read(source.times[::17])[:, 0]).astype("f8") / list(steps.values())
    np.testing.assert_array_equal(fields, np.round(fields))


@pytest.mark.parametrize(
    ("name", "time", "cell", "original"),
    [
        (
            "sample-earth",
            100,
            11 * 96 + 2,
            {
                "u_200": 33.73341,
                "u_510": 18.0747,
                "u_835": 13.92154,
                "v_200": 16.12496,
                "v_510": 5.859439,
                "v_835": -1.95102,
                "t_200": 226.1051,
                "t_510": 243.7764,
                "t_835": 271.0754,
                "q_510": 0.0002844986,
                "q_835": 0.003137735,
                "z_510": 55504.13,
                "sp": 96291.4,
                "2t": 280.0323,
                "10u": 12.45485,
                "10v": 0.06842279,
                "skt": 279.8096,
                "tp": 2.023765e-06,
                "sst": np.nan,
                "ci": np.nan,
                "lsm": 1.0,
                "z_sfc": 8821.424,
            },
        ),
        (
            "sample-earth",
            339,
            47 * 96 + 95,
            {"t_200": 199.791, "q_510": -3.793315e-06, "sp": 70818.4, "10v": -3.773544, "z_sfc": 25384.75},
        ),
        ("sample-earth", 0, 0, {"u_835": -9.029111, "skt": 246.197, "sst": 246.4292, "ci": 0.99315}),
        ("sample-earth-ocean", 150, 22 * 90 + 45, {"sst": 304.08, "ci": -0.0004880338, "hf": 75.08546}),
        ("sample-earth-ocean", 339, 38 * 90 + 89, {"sst": 262.4415, "ci": 0.5685593, "hf": -95.21535}),
    ],
)
def test_values_are_those_of_the_original_file_rounded(
    name: str, time: int, cell: int, original: dict[str, float]
) -> None:
    """As netCDF4 reads them from the files whose hashes ``make_sample_earth.py`` keeps."""
    source = SOURCES[name]()
    there = dict(zip(source.variables, source.read(source.times[[time]])[0, 0, cell], strict=True))
    for variable, value in original.items():
        step = source.provenance["rounded_to"][variable]
        np.testing.assert_allclose(there[variable], value, rtol=0, atol=step / 2 * 1.01)


def test_levels_are_sigma_levels() -> None:
    known = metadata("sample-earth")
    assert known["u_510"] == {
        "mars": {"param": "u", "levtype": "sigma", "levelist": 0.51},
        "units": "m s-1",
    }
    for variable, of in known.items():
        name, _, level = variable.partition("_")
        if level.isdigit():
            assert of["mars"] == {"param": name, "levtype": "sigma", "levelist": int(level) / 1000}
        else:
            assert of["mars"]["levtype"] == "sfc"
            assert "levelist" not in of["mars"]
    assert known["z_sfc"]["mars"]["param"] == "z"


def test_what_is_valid_over_six_hours_says_so() -> None:
    known = metadata("sample-earth")
    assert known["tp"]["process"] == "accumulation"
    assert known["tp"]["period"] == [0, 6]
    assert known["tp"]["accumulated"] is True
    assert [variable for variable in known if "process" in known[variable]] == ["tp"]
    assert metadata("sample-earth-ocean")["hf"]["process"] == "average"
    assert metadata("sample-earth-ocean")["hf"]["period"] == [0, 6]


def test_what_may_be_nan_is_named() -> None:
    assert attributes("sample-earth")["allow_nans"] == ["sst", "ci"]
    assert attributes("sample-earth-ocean")["allow_nans"] == ["sst", "ci", "hf"]


@pytest.mark.parametrize("name", SOURCES)
def test_both_say_that_they_are_simulated(name: str) -> None:
    provenance = SOURCES[name]().provenance
    assert provenance["simulated"] is True
    assert "not observations" in provenance["description"]
    assert "not observations" in provenance["attribution"]
    assert provenance["licence"] == "CC0"
