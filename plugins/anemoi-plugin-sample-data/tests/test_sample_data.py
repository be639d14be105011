from __future__ import annotations

import hashlib
import json
import zipfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.lineage import verify
from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.dataset import Dataset
from numpy.typing import NDArray

from anemoi_plugin_sample_data import Sample, SampleAtmosphere, SampleEarth, SampleEarthOcean

DATA = files("anemoi_plugin_sample_data") / "data"
SOURCES = {
    "sample": Sample,
    "sample-atmosphere": SampleAtmosphere,
    "sample-earth": SampleEarth,
    "sample-earth-ocean": SampleEarthOcean,
}
TRAINING = {"sample": 84, "sample-atmosphere": 400, "sample-earth": 272, "sample-earth-ocean": 272}
OVER_SEA = {"sample-earth": ["sst", "ci"], "sample-earth-ocean": ["sst", "ci", "hf"]}


@pytest.fixture(params=SOURCES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(name: str) -> ZarrSource:
    return SOURCES[name]()


def value(source: ZarrSource, time: str, latitude: float, longitude: float) -> dict[str, float]:
    grid = source.grid
    (cell,) = np.flatnonzero(np.isclose(grid.latitudes, latitude) & np.isclose(grid.longitudes, longitude))
    values = source.read([np.datetime64(time)])[0, 0, cell]
    return dict(zip(source.variables, values.tolist(), strict=True))


def test_sample_is_the_reanalysis() -> None:
    source = Sample()
    assert (source.variables, source.units) == (("msl",), {"msl": "Pa"})
    assert source.times[0] == np.datetime64("2025-12-01T00")
    assert source.times[-1] == np.datetime64("2025-12-26T18")
    assert len(source.times) == 104
    assert source.frequency == np.timedelta64(6, "h")
    assert source.grid.field_shape == (73, 144)
    latitudes, longitudes = (a.reshape(73, 144) for a in (source.grid.latitudes, source.grid.longitudes))
    np.testing.assert_array_equal(latitudes, np.linspace(90, -90, 73)[:, None] + np.zeros(144))
    np.testing.assert_array_equal(longitudes, np.zeros((73, 1)) + np.arange(0, 360, 2.5))


@pytest.mark.parametrize(
    ("time", "latitude", "longitude", "pressure"),
    [
        ("2025-12-01T00", 90, 0, 101908.125),
        ("2025-12-01T00", 47.5, 10, 102118.375),
        ("2025-12-20T06", -60, 357.5, 98890.0625),
        ("2025-12-26T18", 0, 180, 101080.5),
        ("2025-12-26T18", -90, 2.5, 101129.5),
    ],
)
def test_sample_has_the_values_of_the_original_file(
    time: str, latitude: float, longitude: float, pressure: float
) -> None:
    """As netCDF4 reads them from the file whose hash ``make_sample.py`` keeps."""
    assert value(Sample(), time, latitude, longitude) == {"msl": pressure}


def test_sample_has_every_bit_of_the_original_file() -> None:
    source = Sample()
    digest = hashlib.sha256(source.read(source.times).tobytes()).hexdigest()
    assert digest == "44d35b39590f6b86f77728da343664f3e5047fe45bfacaf8843228b69290ba50"


STEPS = {"u": 1 / 8, "v": 1 / 8, "t": 1 / 8, "z": 16.0, "q": 2.0**-16, "s": 16.0}


@pytest.mark.parametrize(
    ("time", "latitude", "longitude", "original"),
    [
        (
            "2000-04-30T00",
            87.15909456,
            0,
            {
                "u_510": 22.49574,
                "v_510": 0.6312957,
                "t_510": 239.1852552,
                "z_510": 47267.4675481,
                "u_835": -0.7899131,
                "v_835": 1.2192659,
                "t_835": 253.0558475,
                "q_835": 0.0005081,
                "sp": 106486.4597928,
            },
        ),
        (
            "2000-05-25T06",
            46.38855811,
            7.5,
            {
                "u_510": 2.0019912,
                "v_510": -4.9765288,
                "t_510": 256.883717,
                "z_510": 57587.3778045,
                "u_835": -2.404287,
                "v_835": 2.6848702,
                "t_835": 279.2773298,
                "q_835": 0.0058831,
                "sp": 98488.8083123,
            },
        ),
        (
            "2000-08-23T18",
            -87.15909456,
            356.25,
            {
                "u_510": 2.0019912,
                "v_510": 1.6356821,
                "t_510": 210.6950484,
                "z_510": 67936.9429754,
                "u_835": 2.7195953,
                "v_835": 5.1763977,
                "t_835": 230.0734894,
                "q_835": 5.15e-05,
                "sp": 70184.0765511,
            },
        ),
    ],
)
def test_sample_atmosphere_has_the_values_of_the_original_file(
    time: str, latitude: float, longitude: float, original: dict[str, float]
) -> None:
    """As netCDF4 reads them from the file whose hash ``make_sample_atmosphere.py`` keeps, rounded."""
    values = value(SampleAtmosphere(), time, latitude, longitude)
    assert list(values) == list(original)
    for variable, there in values.items():
        step = STEPS[variable[0]]
        assert there % step == 0
        assert abs(there - original[variable]) <= step / 2 * 1.01


def test_sample_atmosphere_is_a_simulated_season_on_a_gaussian_grid() -> None:
    source = SampleAtmosphere()
    assert source.variables == ("u_510", "v_510", "t_510", "z_510", "u_835", "v_835", "t_835", "q_835", "sp")
    assert dict(source.units) == {
        **dict.fromkeys(("u_510", "v_510", "u_835", "v_835"), "m s-1"),
        **dict.fromkeys(("t_510", "t_835"), "K"),
        "z_510": "m2 s-2",
        "q_835": "kg kg-1",
        "sp": "Pa",
    }
    assert (source.times[0], len(source.times)) == (np.datetime64("2000-04-30T00"), 464)
    assert source.grid.field_shape == (48, 96)
    roots = np.polynomial.legendre.leggauss(48)[0][::-1]  # sines of the Gaussian latitudes, north first
    sines = np.sin(np.deg2rad(source.grid.latitudes.reshape(48, 96)))
    np.testing.assert_allclose(sines, roots[:, None] + np.zeros(96), atol=1e-9)
    np.testing.assert_allclose(
        source.grid.longitudes.reshape(48, 96), np.zeros((48, 1)) + np.arange(96) * 3.75
    )


def test_sample_atmosphere_says_that_it_is_simulated() -> None:
    provenance = SampleAtmosphere().provenance
    assert provenance["simulated"] is True
    assert "not observations" in provenance["description"]
    assert "not observations" in provenance["attribution"]
    assert provenance["licence"] == "CC0"


def test_sample_keeps_its_licence_and_attribution() -> None:
    provenance = Sample().provenance
    assert provenance["licence"] == "Licence to use Copernicus Products"
    assert "modified Copernicus Climate Change Service information 2025" in provenance["attribution"]
    assert "Neither the European Commission nor ECMWF is responsible" in provenance["attribution"]


def test_all_is_there_and_finite(name: str, source: ZarrSource) -> None:
    """But for what there is over the sea only, which is NaN on land: at the same cells at all times."""
    assert source.missing == frozenset()
    fields = source.read(source.times)
    assert fields.shape == (len(source.times), 1, len(source.grid), len(source.variables))
    finite = np.isfinite(fields[:, 0]).all(axis=0)
    absent = np.isnan(fields[:, 0]).all(axis=0)
    assert (finite | absent).all()
    assert [v for v, none in zip(source.variables, absent.T, strict=True) if none.any()] == OVER_SEA.get(
        name, []
    )


def test_the_cells_cover_the_globe(source: ZarrSource) -> None:
    assert source.grid.areas.min() > 0
    np.testing.assert_allclose(source.grid.areas.sum(), 4 * np.pi, rtol=1e-12)


def test_statistics_are_those_of_the_training_period(name: str, source: ZarrSource) -> None:
    values = source.read(source.times[: TRAINING[name]]).reshape(-1, len(source.variables))
    require_statistics(source.statistics, values)


@pytest.mark.parametrize("name", OVER_SEA)
def test_statistics_of_changes_are_those_of_the_training_period(name: str) -> None:
    dataset = Dataset(str(DATA / f"{name}.zarr.zip"))
    assert list(dataset.changes) == [dataset.frequency]
    source = SOURCES[name]()
    changes = np.diff(source.read(source.times[: TRAINING[name]]), axis=0)
    require_statistics(dataset.changes[dataset.frequency], changes.reshape(-1, len(source.variables)))


def require_statistics(statistics: Statistics, values: NDArray[np.float32]) -> None:
    for column, mean, stdev, minimum, maximum in zip(
        values.T, *(vars(statistics)[each] for each in ("mean", "stdev", "minimum", "maximum")), strict=True
    ):
        known = column[~np.isnan(column)].astype("f8")
        np.testing.assert_allclose(mean, known.mean(), rtol=1e-12, atol=1e-12 * known.std())
        np.testing.assert_allclose(stdev, known.std(), rtol=1e-10)
        assert (minimum, maximum) == (known.min(), known.max())


def test_the_attributes_are_those_of_anemoi_datasets(name: str, source: ZarrSource) -> None:
    with zipfile.ZipFile(str(DATA / f"{name}.zarr.zip")) as archive:
        about = json.loads(archive.read(".zattrs"))
    assert about["variables"] == list(source.variables)
    assert about["frequency"] == "6h"
    assert about["missing_dates"] == []
    assert about["field_shape"] == list(source.grid.field_shape or ())
    assert about["start_date"] == about["statistics_start_date"] == str(source.times[0])
    assert about["end_date"] == str(source.times[-1])
    assert about["statistics_end_date"] == str(source.times[TRAINING[name] - 1])
    assert about["uuid"] == source.provenance["identity"]


def test_what_the_files_hold_can_be_verified(name: str, source: ZarrSource) -> None:
    (finding,) = verify(source.provenance["path"])
    assert finding.status == "ok"


@pytest.mark.parametrize("altered", ["data/7.0.0.0", "mean/0"])
def test_data_that_were_altered_are_told(name: str, altered: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.zarr.zip"
    with zipfile.ZipFile(str(DATA / path.name)) as there, zipfile.ZipFile(path, "w") as here:
        for file in there.namelist():
            content = there.read(file)
            here.writestr(file, content[:-1] + bytes([content[-1] ^ 1]) if file == altered else content)
    (finding,) = verify(path)
    assert finding.status == "differs"
    assert finding.reason.startswith("its hash is sha256:")


def test_the_files_stay_small() -> None:
    sizes = {file.name: len(file.read_bytes()) for file in DATA.iterdir()}
    assert sorted(sizes) == sorted(f"{name}.zarr.zip" for name in SOURCES)
    assert sizes["sample.zarr.zip"] < 2e6
    assert sizes["sample-atmosphere.zarr.zip"] < 15e6
    assert sizes["sample-earth.zarr.zip"] + sizes["sample-earth-ocean.zarr.zip"] < 20e6


def test_all_are_found_by_name(name: str) -> None:
    (entry,) = entry_points(group="anemoi.core.sources", name=name)
    assert entry.load() is SOURCES[name]


def test_the_configuration_trains_on_the_training_period(name: str, source: ZarrSource) -> None:
    configuration = files("anemoi_plugin_sample_data.conf") / "data" / f"{name}.yaml"
    lines = configuration.read_text().splitlines()
    assert f"  name: {name}" in lines
    assert f"  end: {source.times[TRAINING[name] - 1].astype('datetime64[h]')}" in lines
