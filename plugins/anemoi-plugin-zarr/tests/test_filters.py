"""Data sets made with steps of post-processing: their values, what they say, and every way to write them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from anemoi.core import config
from anemoi.core.errors import AnemoiError
from click.testing import CliRunner

from anemoi_plugin_zarr import ZarrSource
from anemoi_plugin_zarr.commands.data import command
from anemoi_plugin_zarr.creation import Recipe, create

Data = dict[str, str]
DIMENSIONS = ("time", "level", "latitude", "longitude")
ABOUT_EACH_STATE = [
    "wind",
    {"area": [60, 0, -60, 360]},
    {"name": "relative-humidity"},
    {"name": "clip", "upper": {"r": 80.0}},
    {"name": "units", "to": {"t": "degC", "tp": "kg m**-2"}},
    {"name": "regrid", "grid": [24, 30], "area": [24, 0, -24, 330]},
    {"name": "select", "variables": ["ws_850", "r", "t_850", "tp", "lsm"]},
]
SUMS = [{"select": ["tp"]}, {"name": "accumulate"}]
TIMES = np.datetime64("2020-02-28T18", "ns") + np.arange(5) * np.timedelta64(6, "h")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """A small store of fields, in the layout of WeatherBench 2."""
    random = np.random.default_rng(0)
    latitudes, longitudes, levels = np.linspace(84.0, -84.0, 15), np.arange(24) * 15.0, [500, 850]
    size = (len(TIMES), len(levels), len(latitudes), len(longitudes))

    def field(mean: float, stdev: float, units: str, *axes: str) -> tuple[tuple[str, ...], np.ndarray, dict]:
        values = random.normal(mean, stdev, size=size).astype("f4")
        for axis, name in reversed(list(enumerate(DIMENSIONS))):
            values = values if name in axes else values.take(0, axis)
        return axes, values, {"units": units}

    fields = {
        "u_component_of_wind": field(0, 10, "m s**-1", *DIMENSIONS),
        "v_component_of_wind": field(0, 10, "m s**-1", *DIMENSIONS),
        "temperature": field(290, 5, "K", *DIMENSIONS),
        "specific_humidity": field(0.006, 0.001, "kg kg**-1", *DIMENSIONS),
        "total_precipitation_6hr": field(0.01, 0.001, "m", "time", *DIMENSIONS[2:]),
        "land_sea_mask": field(0.5, 0.1, "1", *DIMENSIONS[2:]),
    }
    coordinates = dict(zip(DIMENSIONS, (TIMES, levels, latitudes, longitudes), strict=True))
    path = tmp_path_factory.mktemp("fields") / "fields.zarr"
    xr.Dataset(fields, coordinates).to_zarr(path, zarr_format=2)
    return {"name": "zarr", "path": str(path)}


def contents(path: Path) -> dict[str, bytes]:
    """Every file of the data and the statistics; attributes hold an identity of their own."""
    files = (each for each in path.rglob("*") if each.is_file() and each.name != ".zattrs")
    found = {each.relative_to(path).as_posix(): each.read_bytes() for each in files}
    assert any(name.startswith("data/0") for name in found)
    return found


def test_steps_about_each_state_make_variables(data: Data, tmp_path: Path) -> None:
    made = ZarrSource(path=str(create(Recipe(data=data, filters=ABOUT_EACH_STATE), tmp_path / "out.zarr")))
    before = config.build("source", data)
    assert made.variables == ("ws_850", "r_500", "r_850", "t_850", "tp", "lsm")
    units = ("m s**-1", "%", "%", "degC", "kg m**-2", "1")
    assert dict(made.units) == dict(zip(made.variables, units, strict=True))
    assert made.metadata["tp"].accumulated == np.timedelta64(6, "h")
    assert made.metadata["lsm"].constant
    np.testing.assert_array_equal(made.grid.axes[0], [24, 0, -24])
    # All points of the new grid are points of the old one.
    there, here = (_unit(grid.latitudes, grid.longitudes) for grid in (before.grid, made.grid))
    nearest = np.argmax(here @ there.T, axis=1)
    values = before.read(before.times)[:, 0][:, nearest]
    fields = dict(zip(before.variables, np.moveaxis(values, -1, 0), strict=True))
    read = dict(zip(made.variables, np.moveaxis(made.read(made.times)[:, 0], -1, 0), strict=True))
    np.testing.assert_allclose(read["ws_850"], np.hypot(fields["u_850"], fields["v_850"]), rtol=1e-6)
    np.testing.assert_allclose(read["t_850"], fields["t_850"] - 273.15, atol=2e-5)
    np.testing.assert_allclose(read["tp"], fields["tp"] * 1000, rtol=1e-6)
    # Over water, Magnus: e_s = 611.2 Pa exp(17.67 T / (T + 243.5)), T in degrees Celsius (Bolton, 1980).
    vapour = fields["q_850"] * 85000 / (0.622 + 0.378 * fields["q_850"])
    celsius = fields["t_850"] - 273.15
    humidity = np.minimum(100 * vapour / (611.2 * np.exp(17.67 * celsius / (celsius + 243.5))), 80)
    warm = celsius > 0
    assert warm.mean() > 0.3
    np.testing.assert_allclose(read["r_850"][warm], humidity[warm], rtol=0.01)
    np.testing.assert_allclose(
        made.statistics.mean, [each.astype("f8").mean() for each in read.values()], rtol=1e-6
    )


def test_sums_are_taken_since_the_first_time(data: Data, tmp_path: Path) -> None:
    made = ZarrSource(path=str(create(Recipe(data=data, filters=SUMS), tmp_path / "out.zarr")))
    before = config.build("source", {**data, "select": ["tp"]})
    sums = before.read(before.times).astype("f8").cumsum(axis=0).astype("f4")
    np.testing.assert_array_equal(made.read(made.times), sums)
    assert made.metadata["tp"].since_start
    assert made.metadata["tp"].accumulated is None


@pytest.mark.parametrize("filters", [ABOUT_EACH_STATE, SUMS], ids=["states", "sums"])
def test_a_cluster_and_a_later_end_make_the_same_bytes(
    data: Data, filters: list[object], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    recipe = Recipe(data=data, filters=filters)
    alone = create(recipe, tmp_path / "alone.zarr")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        both = create(recipe, tmp_path / "both.zarr", dask_scheduler=cluster.scheduler_address)
    shorter = Recipe(data={**data, "end": "2020-02-29T06"}, filters=filters)
    create(shorter, tmp_path / "grown.zarr")
    grown = create(recipe, tmp_path / "grown.zarr", append=True)
    assert contents(both) == contents(grown) == contents(alone)


@pytest.mark.parametrize("step", ["wind", "accumulate"])
def test_states_are_the_same_in_any_order_and_in_other_processes(data: Data, step: str) -> None:
    source = config.build("source", {"name": "postprocess", "source": data, "steps": [{"name": step}]})
    in_order = source.read(source.times)
    order = [3, 1, 1, 4, 0]
    np.testing.assert_array_equal(source.read(source.times[order]), in_order[order])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(source.times[[2]]), in_order[[2]])
    np.testing.assert_allclose(source.statistics.mean, in_order.astype("f8").mean(axis=(0, 1, 2)), rtol=1e-6)


def test_the_command_takes_steps_and_options(data: Data, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"data": data, "filters": ["wind"]}))
    out = tmp_path / "out.zarr"
    words = ["create", str(recipe), str(out), "--filter", "select=[ws_850, tp]"]
    done = CliRunner().invoke(command, [*words, "--filter", "{name: clip, lower: {tp: 0.01}}"])
    assert done.exit_code == 0, done.output
    made = ZarrSource(path=str(out))
    assert made.variables == ("ws_850", "tp")
    assert made.statistics.minimum[1] == pytest.approx(0.01)
    steps = made.provenance["recipe"]["filters"]
    assert steps == ["wind", {"select": ["ws_850", "tp"]}, {"name": "clip", "lower": {"tp": 0.01}}]
    chain = made.provenance["parents"][0]
    assert chain["derivation"]["postprocess"][0]["distribution"].startswith("anemoi-plugin-postprocessing ")


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (["winds"], "'winds'"),
        ([{"name": "clip", "lowre": {"tp": 0}}], "lowre"),
        ([{"name": "clip", "lower": {"x": 0}}], "x"),
        ([{"name": "units", "to": {"t_850": "Pa"}}], "does not convert to Pa"),
        (["ensemble"], "two at least"),
        ([{"select": ["t_850"]}, "wind"], "No wind has both components"),
        ([{"select": ["t_850"]}, "accumulate"], "Nothing is known to be accumulated"),
        ([{"name": 3}], "name"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_written(
    data: Data, filters: list[object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(AnemoiError, match=told):
        create(Recipe(data=data, filters=filters), tmp_path / "out.zarr")
    assert list(tmp_path.iterdir()) == []


def test_sums_over_a_gap_are_refused(data: Data, tmp_path: Path) -> None:
    """A gap in a data set is what its missing_dates name."""
    path = create(Recipe(data={**data, "select": ["tp"]}), tmp_path / "gap.zarr")
    attributes = path / ".zattrs"
    text = attributes.read_text()
    assert '"missing_dates": []' in text
    attributes.write_text(text.replace('"missing_dates": []', '"missing_dates": ["2020-02-29T06:00:00"]'))
    recipe = Recipe(data={"name": "zarr", "path": str(path)}, filters=["accumulate"])
    with pytest.raises(AnemoiError, match="no data for 2020-02-29T06, so that what is remembered"):
        create(recipe, tmp_path / "out.zarr")
    create(Recipe(data=recipe.data, filters=[{"name": "clip", "lower": {"tp": 0}}]), tmp_path / "out.zarr")


def _unit(latitudes: np.ndarray, longitudes: np.ndarray) -> np.ndarray:
    latitude, longitude = np.deg2rad(latitudes), np.deg2rad(longitudes)
    east = np.cos(latitude)
    return np.stack([east * np.cos(longitude), east * np.sin(longitude), np.sin(latitude)], axis=-1)
