"""What an output writes reads back as a source, from every format to every format: a table in the docs says so."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anemoi.core import config
from anemoi.core.conforming import conformed
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from anemoi.core.plugins import load
from anemoi.core.variable import Role, Variable
from anemoi_plugin_sample_data import SampleEarth, SampleEarthOcean

FORMATS = {"grib": "GRIB", "netcdf": "NetCDF", "zarr": "Zarr"}
HOURS = np.timedelta64(3600, "s")
START = np.datetime64("2020-02-28T18", "s")
PAGE = Path(__file__).parent.parent / "docs" / "forecasts.md"

SURFACE = {"level_type": "surface"}
KNOWN = (
    Variable("2t", units="K", level=2.0, level_type="height"),
    Variable("t_850", units="K", level=850.0, level_type="pressure"),
    Variable("t_500", units="K", level=500.0, level_type="pressure"),
    Variable("t_0.5", units="K", level=0.5, level_type="pressure"),
    Variable("t_model_137", units="K", level=137.0, level_type="model"),
    Variable("t_model_100", units="K", level=100.0, level_type="model"),
    Variable("u_height_100", units="m s-1", level=100.0, level_type="height"),
    Variable("u_heightAboveSea_100", units="m s-1", level=100.0, level_type="heightAboveSea"),
    Variable("z_sigma_0.51", units="m**2 s**-2", level=0.51, level_type="sigma"),
    Variable("sot_soil_1", units="K", level=1.0, level_type="soil"),
    Variable("pt_pv_2000", units="K", level=2000.0, level_type="pv"),
    Variable("t_theta_320", units="K", level=320.0, level_type="theta"),
    Variable("msl", units="Pa", **SURFACE),
    Variable("sst", units="K", may_be_missing=True, **SURFACE),
    Variable("tp", units="m", role=Role.DIAGNOSTIC, accumulated=6 * HOURS, **SURFACE),
    Variable("avg_ishf", units="W m**-2", role=Role.DIAGNOSTIC, averaged=3 * HOURS, **SURFACE),
    Variable("max_t_850", units="K", level=850.0, level_type="pressure", role=Role.DIAGNOSTIC, maximum_over=6 * HOURS),
)  # fmt: skip


def grid():
    rows, columns = np.meshgrid(60.0 - 5.0 * np.arange(4), 350.0 + 5.0 * np.arange(3), indexing="ij")
    return Grid(rows.ravel(), columns.ravel(), rows.shape)


def described(known=KNOWN, points=None, members=2, frequency=6 * HOURS):
    return ForecastDescription(
        start=START,
        lead_times=np.arange(1, 4) * 6 * HOURS,
        members=members,
        variables=tuple(each.name for each in known),
        grid=grid() if points is None else points,
        units={each.name: each.units for each in known},
        provenance={"kind": "forecast", "identity": "made"},
        frequency=frequency,
        metadata={each.name: each for each in known},
    )


def values(forecast):
    """(time, ensemble, grid, variable); some of them missing."""
    shape = (len(forecast.lead_times), forecast.members, len(forecast.grid), len(forecast.variables))
    fields = np.random.default_rng(0).uniform(1.0, 2.0, size=shape).astype(np.float32)
    for column, name in enumerate(forecast.variables):
        if forecast.about(name).may_be_missing:
            fields[:, :, ::3, column] = np.nan
    return fields


def written(path, forecast, fields, form, **options):
    if form == "grib":
        options = {"bits": 24, **options}
    output = load("output", form)(path=str(path), forecast=forecast, **options)
    with output:
        for lead_time, states in zip(forecast.lead_times, fields, strict=True):
            output.write(State(forecast.start, lead_time, states))
    return config.build("source", {"name": form, "path": str(path)})


def again(source, forecast):
    """The description of a forecast that is what a source holds."""
    return replace(
        forecast, variables=source.variables, grid=source.grid, units=dict(source.units),
        metadata=dict(source.metadata),
    )  # fmt: skip


def domain(forecast):
    none = Statistics(*(np.zeros(len(forecast.variables)) for _ in range(4)))
    known = tuple(forecast.about(name) for name in forecast.variables)
    return Domain(known, forecast.grid, 6 * HOURS, none, none)


def differences(source, forecast, fields):
    """The largest difference of values, relative to the range of each field; everything else is the same."""
    known = {name: source.metadata[name] for name in source.variables}
    assert set(source.variables) == set(forecast.variables)
    for name in forecast.variables:
        one, other = known[name], forecast.about(name)
        assert (one.level, one.level_type) == (other.level, other.level_type), name
        assert one.statistic == other.statistic, name
        assert (one.role, one.name) == (other.role, other.name)
    np.testing.assert_array_equal(source.times, forecast.start + forecast.lead_times)
    assert source.grid.matches(forecast.grid)
    assert source.grid.field_shape == forecast.grid.field_shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Water is in kg m-2 in GRIB, and read as what it was.
        found = conformed(source, domain(forecast))
    columns = [found.variables.index(name) for name in forecast.variables]
    read = found.read(found.times)[..., columns]
    np.testing.assert_array_equal(np.isnan(read), np.isnan(fields))
    return float(np.nanmax(np.abs(read - fields)) / np.ptp(fields[np.isfinite(fields)]))


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """From each format to each: how far values are from what they were."""
    found = {}
    for first in FORMATS:
        place = tmp_path_factory.mktemp(first)
        forecast = described()
        fields = values(forecast)
        source = written(place / f"in.{first}", forecast, fields, first)
        once = differences(source, forecast, fields)
        middle = again(source, forecast)
        states = source.read(source.times)
        for second in FORMATS:
            last = written(place / f"out-{second}.{second}", middle, states, second)
            found[first, second] = (once, differences(last, middle, states))
    return found


@pytest.mark.parametrize("second", FORMATS)
@pytest.mark.parametrize("first", FORMATS)
def test_a_forecast_goes_from_format_to_format(first, second, measured):
    once, then = measured[first, second]
    assert once < (2.0**-22 if first == "grib" else 1e-9)
    assert then < (2.0**-22 if second == "grib" else 1e-9)


def table(measured):
    """Formats in and formats out, and what becomes of values."""

    def cell(first, second):
        exact = not any(measured[first, second])
        return "to the bit" if exact else "within packing"

    yield "| read from \\ written as | " + " | ".join(FORMATS.values()) + " |"
    yield "|---" * (len(FORMATS) + 1) + "|"
    for first, name in FORMATS.items():
        yield f"| {name} | " + " | ".join(cell(first, second) for second in FORMATS) + " |"


def test_the_table_in_the_docs_is_what_is_measured(measured):
    block = re.search(r"<!-- formats -->\n(.*?)\n<!-- /formats -->", PAGE.read_text(), re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == list(table(measured)), "write this table: " + "\n".join(table(measured))


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
@pytest.mark.parametrize("sample", [SampleEarth, SampleEarthOcean])
def test_a_forecast_of_the_samples_reads_back_by_its_names(form, sample, tmp_path):
    """On sigma levels that are called ``z_510``: a forecast can go on from what was written of the last one."""
    source = sample()
    names = [name for name in source.variables if not source.metadata[name].constant]
    fields = source.read(source.times[1:4])[..., [source.variables.index(name) for name in names]]
    known = tuple(source.metadata[name] for name in names)
    forecast = replace(described(known, source.grid, members=1), start=source.times[0])
    found = written(tmp_path / f"f.{form}", forecast, fields, form)
    assert differences(found, forecast, fields) == 0.0


def test_sigma_levels_are_written_as_grib_by_what_they_are(tmp_path):
    source = SampleEarth()
    names = ("z_510", "t_835", "sp", "2t", "tp")
    fields = source.read(source.times[1:4])[..., [source.variables.index(name) for name in names]]
    known = tuple(source.metadata[name] for name in names)
    forecast = replace(described(known, source.grid, members=1), start=source.times[0])
    found = written(tmp_path / "f.grib", forecast, fields, "grib")
    assert set(found.variables) == {"z_sigma_0.51", "t_sigma_0.835", "sp", "2t", "tp"}
    assert found.metadata["z_sigma_0.51"].level == 0.51
    z = found.read(found.times)[:, 0, :, found.variables.index("z_sigma_0.51")]
    np.testing.assert_allclose(z, fields[:, 0, :, 0], rtol=1e-5)


SCATTERED = Grid(np.array([60.0, 10.0, -60.0]), np.array([0.0, 120.0, 240.0]))
ROTATED = Grid(np.array([1.0, 1.1, 2.0, 2.1, 3.0, 3.1]), np.array([5.0, 6.0, 5.1, 6.1, 5.2, 6.2]), (3, 2))


@pytest.mark.parametrize("form", ["netcdf", "zarr"])
@pytest.mark.parametrize("points", [SCATTERED, ROTATED], ids=["scattered", "rotated"])
def test_points_that_are_no_rows_read_back(form, points, tmp_path):
    forecast = described(points=points)
    fields = values(forecast)
    found = written(tmp_path / f"f.{form}", forecast, fields, form)
    if points is SCATTERED:  # Whether three points had a shape is not known of a list of them.
        forecast = replace(forecast, grid=Grid(points.latitudes, points.longitudes, found.grid.field_shape))
    assert differences(found, forecast, fields) == 0.0


@pytest.mark.parametrize("form", FORMATS)
def test_sums_since_the_start_read_back_as_what_they_are(tmp_path, form):
    """GRIB and NetCDF are read as the sums over each step, which Zarr does not take apart."""
    known = (
        Variable("2t", units="K", level=2.0, level_type="height"),
        Variable("tp", units="kg m**-2", role=Role.DIAGNOSTIC, since_start=True, **SURFACE),
        Variable("cp", units="kg m**-2", role=Role.DIAGNOSTIC, accumulated=6 * HOURS, **SURFACE),
    )
    forecast = described(known)
    fields = values(forecast)
    steps = fields[..., 1].copy()
    fields[..., 1] = np.cumsum(steps, axis=0)
    source = written(tmp_path / f"forecast.{form}", forecast, fields, form)
    found = source.read(source.times)
    column = source.variables.index("tp")
    if form == "zarr":
        assert source.metadata["tp"].since_start
        np.testing.assert_array_equal(found[..., column], fields[..., 1])
    else:
        assert source.metadata["tp"].accumulated == 6 * HOURS
        np.testing.assert_allclose(found[..., column], steps, rtol=1e-5)
    np.testing.assert_allclose(found[..., source.variables.index("cp")], fields[..., 2], rtol=1e-5)
    assert source.metadata["cp"].accumulated == 6 * HOURS


@pytest.mark.parametrize("suffix", ["grib", "nc", "zarr"])
def test_every_forecast_is_drawn_and_is_truth_for_another(suffix, tmp_path, monkeypatch, capsys):
    from anemoi.core.cli.main import main
    from anemoi_plugin_verification.evaluation import Evaluator
    from matplotlib.image import imread

    monkeypatch.setattr("anemoi_plugin_verification.raster.PIXELS", 60)
    known = (
        Variable("2t", units="K", level=2.0, level_type="height"),
        Variable("msl", units="Pa", **SURFACE),
    )
    forecast = described(known, members=1)
    fields = values(forecast)
    name = {"nc": "netcdf"}.get(suffix, suffix)
    written(tmp_path / f"f.{suffix}", forecast, fields, name)
    picture = tmp_path / "map.png"
    code = main(["plot", str(tmp_path / f"f.{suffix}"), "--variable", "msl", "--output", str(picture)])
    assert (code, capsys.readouterr().err) == (0, "")
    assert imread(picture)[..., 0].std() > 0.01
    # What was forecast, verified against itself from its own first state on, has no error but that of packing.
    source = config.build("source", {"name": name, "path": str(tmp_path / f"f.{suffix}")})
    evaluator = Evaluator(source, None, domain=domain(forecast), metrics={})
    start = source.times[0]
    states = [State(start, time - start, fields[place]) for place, time in enumerate(source.times)]
    evaluator.add(states)
    for score in evaluator.evaluation().scores():
        assert score.rmse["model"] == pytest.approx(0.0, abs=1e-6)
        assert score.rmse["persistence"] > 0.1
