import hashlib
import resource
from dataclasses import replace

import numpy as np
import pytest
import xarray
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from anemoi.core.lineage import verify
from anemoi.core.trailer import read_trailer

from anemoi_plugin_grib import GribOutput

from .reader import messages


def regular(latitudes, longitudes):
    rows, columns = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(rows.reshape(-1), columns.reshape(-1), rows.shape)


def gaussian(points):
    sines, _ = np.polynomial.legendre.leggauss(len(points))
    rows = np.rad2deg(np.arcsin(sines[::-1]))
    around = [np.arange(count) * 360.0 / count for count in points]
    return Grid(
        np.repeat(rows, points).round(3), np.concatenate(around).astype(np.float32).astype(np.float64)
    )


HALF = 20 + 4 * np.arange(4)
GRIDS = {
    "regular_ll": regular(90.0 - 30.0 * np.arange(7), 30.0 * np.arange(12)),
    "region": regular(np.array([50.0, 47.5, 45.0]), np.array([355.0, 357.5, 0.0, 2.5])),
    "northwards": regular(np.array([45.0, 47.5, 50.0]), np.array([-5.0, -2.5, 0.0])),
    "reduced_gg": gaussian(np.concatenate([HALF, HALF[::-1]])),
    "regular_gg": gaussian(np.full(8, 16)),
}
VARIABLES = ("2t", "t_850", "t_500", "z_500", "10u", "msl", "tp", "tcc")
UNITS = {
    **dict.fromkeys(("2t", "t_850", "t_500"), "K"),
    "z_500": "m**2 s**-2",
    "10u": "m s-1",
    "msl": "Pa",
    "tp": "m",
    "tcc": "(0 - 1)",
}
PROVENANCE = {"identity": "GRIB-7777", "parents": [{"identity": "BUFR GRIB"}], "command": "anemoi forecast"}


def describe(grid=GRIDS["region"], variables=VARIABLES, members=2, hours=(6, 12), units=None):
    return ForecastDescription(
        start=np.datetime64("2020-02-28T18", "s"),
        lead_times=np.array(hours, "timedelta64[h]").astype("timedelta64[s]"),
        members=members,
        variables=variables,
        grid=grid,
        units=UNITS if units is None else units,
        provenance=PROVENANCE,
        frequency=np.timedelta64(6, "h"),
    )


def values(forecast):
    """(time, ensemble, grid, variable)"""
    shape = (len(forecast.lead_times), forecast.members, len(forecast.grid), len(forecast.variables))
    return np.random.default_rng(0).uniform(size=shape).astype(np.float32)


def write(path, forecast, fields=None, **options):
    fields = values(forecast) if fields is None else fields
    with GribOutput(path=str(path), forecast=forecast, **options) as output:
        for lead_time, states in zip(forecast.lead_times, fields, strict=True):
            output.write(State(forecast.start, lead_time, states))
    return fields


def test_every_message_says_what_it_holds(tmp_path):
    forecast = describe()
    fields = write(tmp_path / "f.grib", forecast)
    found = messages(
        tmp_path / "f.grib", "shortName", "paramId", "typeOfLevel", "level", "units", "stepRange", "number",
        "dataDate", "dataTime", "validityDate", "validityTime", "numberOfForecastsInEnsemble", "edition",
        "stepType", "dataType", "packingType", "bitsPerValue", "centre",
    )  # fmt: skip
    expected = {
        "2t": (167, "heightAboveGround", 2, "K", 1),
        "t_850": (130, "isobaricInhPa", 850, "K", 1),
        "t_500": (130, "isobaricInhPa", 500, "K", 1),
        "z_500": (129, "isobaricInhPa", 500, "m**2 s**-2", 1),
        "10u": (165, "heightAboveGround", 10, "m s**-1", 1),
        "msl": (151, "meanSea", 0, "Pa", 1),
        "tp": (228228, "surface", 0, "kg m**-2", 1000),
        "tcc": (228164, "entireAtmosphere", 0, "%", 100),
    }
    order = [(step, v, member) for step in (0, 1) for v in range(len(VARIABLES)) for member in (0, 1)]
    assert len(found) == len(order)
    for each, (step, v, member) in zip(found, order, strict=True):
        number, kind, level, units, factor = expected[VARIABLES[v]]
        over = VARIABLES[v] == "tp"
        assert (each["paramId"], each["typeOfLevel"], each["level"], each["units"]) == (
            number, kind, level, units,
        )  # fmt: skip
        assert each["shortName"] == VARIABLES[v].partition("_")[0]
        assert each["stepRange"] == ((("0-6", "6-12") if over else ("6", "12"))[step])
        assert each["stepType"] == ("accum" if over else "instant")
        assert (each["dataDate"], each["dataTime"]) == (20200228, 1800)
        assert (each["validityDate"], each["validityTime"]) == (20200229, 600 * step)
        assert (each["number"], each["numberOfForecastsInEnsemble"], each["dataType"]) == (member, 2, "pf")
        assert (each["edition"], each["packingType"], each["bitsPerValue"]) == (2, "grid_ccsds", 16)
        assert each["centre"] == "255"
        written = fields[step, member, :, v].astype(np.float64) * factor
        np.testing.assert_allclose(each["values"], written, rtol=0, atol=np.ptp(written) / 2**16)


@pytest.mark.parametrize("name", GRIDS)
def test_points_are_where_they_were(tmp_path, name):
    forecast = describe(GRIDS[name], variables=("2t",), members=1, hours=(6,))
    fields = write(tmp_path / "f.grib", forecast, bits=24)
    (found,) = messages(tmp_path / "f.grib", "gridType", "number", "dataType")
    assert Grid(*found["points"]).matches(forecast.grid, tolerance=2e-3)
    np.testing.assert_allclose(found["values"], fields[0, 0, :, 0], rtol=0, atol=1e-6)
    assert found["gridType"] == (name if name.endswith("g") else "regular_ll")
    assert (found["dataType"], found["number"]) == ("fc", None)


def test_an_octahedral_grid_is_known_as_such(tmp_path):
    write(tmp_path / "f.grib", describe(GRIDS["reduced_gg"], variables=("2t",)))
    assert messages(tmp_path / "f.grib", "gridName")[0]["gridName"] == "O4"


@pytest.mark.parametrize(
    "grid",
    [
        Grid(np.array([60.0, 0.0, -60.0]), np.array([0.0, 120.0, 240.0])),
        regular(np.array([50.0, 47.5, 40.0]), np.array([0.0, 2.5])),
        Grid(GRIDS["reduced_gg"].latitudes[:44], GRIDS["reduced_gg"].longitudes[:44]),
        Grid(GRIDS["reduced_gg"].latitudes * 0.99, GRIDS["reduced_gg"].longitudes),
    ],
    ids=["scattered", "uneven", "half", "squeezed"],
)
def test_points_that_grib_does_not_hold_are_refused(tmp_path, grid):
    with pytest.raises(DataError, match="GRIB keeps no list of points") as refusal:
        GribOutput(path=str(tmp_path / "f.grib"), forecast=describe(grid))
    assert "NetCDF" in refusal.value.fix


def test_all_variables_that_grib_does_not_hold_are_named_at_once(tmp_path):
    forecast = describe(
        variables=("2t", "msl", "cos_latitude", "100u", "tp"), units={"2t": "degC", "msl": "Pa"}
    )
    with pytest.raises(DataError) as refusal:
        GribOutput(path=str(tmp_path / "f.grib"), forecast=replace(forecast, frequency=None))
    for fault in (
        "2t is in degC, but GRIB has it in K",
        "cos_latitude is no parameter",
        "100u is no parameter of this centre",
        "tp is over a period",
    ):
        assert fault in refusal.value.what
    assert "msl" not in refusal.value.what
    assert list(tmp_path.iterdir()) == []


def test_a_centre_may_have_parameters_of_its_own(tmp_path):
    write(tmp_path / "f.grib", describe(variables=("100u",), units={}), keys={"centre": "ecmf"})
    assert messages(tmp_path / "f.grib", "shortName", "centre")[0]["shortName"] == "100u"
    with pytest.raises(DataError, match="does not take the keys"):
        GribOutput(path=str(tmp_path / "g.grib"), forecast=describe(), keys={"centra": 98})


def test_units_that_are_not_known_are_those_of_data_sets(tmp_path):
    forecast = describe(variables=("tp", "tcc", "2t"), units={}, members=1, hours=(6,))
    fields = write(tmp_path / "f.grib", forecast, bits=24)
    found = messages(tmp_path / "f.grib", "units")
    for v, (factor, units) in enumerate([(1000, "kg m**-2"), (100, "%"), (1, "K")]):
        assert found[v]["units"] == units
        np.testing.assert_allclose(found[v]["values"], fields[0, 0, :, v] * factor, rtol=1e-5)


def test_lead_times_may_be_minutes(tmp_path):
    leads = np.array([0, 90], "timedelta64[m]").astype("timedelta64[s]")
    forecast = replace(describe(variables=("2t",), members=1), lead_times=leads)
    write(tmp_path / "f.grib", forecast)
    found = messages(tmp_path / "f.grib", "stepRange", "validityTime", "validityDate")
    assert [(each["validityDate"], each["validityTime"]) for each in found] == [
        (20200228, 1800),
        (20200228, 1930),
    ]
    assert [each["stepRange"] for each in found] == ["0", "90m"]


def test_missing_values_stay_missing(tmp_path):
    forecast = describe(variables=("2t",), members=1, hours=(6,))
    fields = values(forecast)
    fields[0, 0, 3, 0] = np.nan
    write(tmp_path / "f.grib", forecast, fields, bits=24)
    (found,) = messages(tmp_path / "f.grib", "numberOfMissing", "missingValue", "bitmapPresent")
    assert (found["bitmapPresent"], found["numberOfMissing"]) == (1, 1)
    assert np.flatnonzero(found["values"] == found["missingValue"]).tolist() == [3]
    rest = np.arange(12) != 3
    np.testing.assert_allclose(found["values"][rest], fields[0, 0, rest, 0], rtol=0, atol=1e-6)


def test_a_forecast_that_blew_up_is_an_error(tmp_path):
    forecast = describe(variables=("2t",), members=1, hours=(6,))
    with pytest.raises(DataError, match="2t at 2020-02-29T00:00:00 cannot be encoded"):
        write(tmp_path / "f.grib", forecast, np.full((1, 1, 12, 1), np.inf, np.float32))
    assert list(tmp_path.iterdir()) == []


def test_bits_decide_how_exact_values_are(tmp_path):
    errors, sizes = [], []
    for bits in (8, 16, 24):
        forecast = describe(GRIDS["regular_ll"], variables=("2t",), members=1, hours=(6,))
        fields = write(tmp_path / "f.grib", forecast, bits=bits, packing="simple", overwrite=True)
        (found,) = messages(tmp_path / "f.grib", "packingType")
        assert found["packingType"] == "grid_simple"
        errors.append(np.abs(found["values"] - fields[0, 0, :, 0]).max() / np.ptp(fields))
        sizes.append((tmp_path / "f.grib").stat().st_size)
    assert [error < 2.0**-bits for error, bits in zip(errors, (8, 16, 24), strict=True)] == [True] * 3
    assert np.diff(sizes).tolist() == [84, 84]


def test_cfgrib_reads_it_and_its_last_line_harms_nobody(tmp_path):
    forecast = describe(variables=("t_850", "t_500"))
    fields = write(tmp_path / "f.grib", forecast, bits=24)
    with xarray.open_dataset(
        tmp_path / "f.grib", engine="cfgrib", decode_timedelta=True, backend_kwargs={"indexpath": ""}
    ) as found:
        read = found["t"].transpose("step", "number", "isobaricInhPa", "latitude", "longitude")
        np.testing.assert_array_equal(read["isobaricInhPa"], [850.0, 500.0])
        np.testing.assert_array_equal(found["step"], np.array([6, 12], "timedelta64[h]"))
        assert found["time"].values == forecast.start
        levels = fields.reshape(2, 2, 3, 4, 2).transpose(0, 1, 4, 2, 3)
        np.testing.assert_allclose(read.values, levels, rtol=0, atol=1e-6)


def test_the_last_line_says_where_it_comes_from(tmp_path):
    write(tmp_path / "f.grib", describe())
    line = read_trailer(tmp_path / "f.grib")
    content = (tmp_path / "f.grib").read_bytes()
    digest = hashlib.sha256(content[: line.size]).hexdigest()
    assert line.document == {**PROVENANCE, "content": f"sha256:{digest}"}
    assert content[: line.size].endswith(b"7777")
    assert not any(word in content[line.size :] for word in (b"GRIB", b"7777", b"BUFR"))
    assert [finding.status for finding in verify(tmp_path / "f.grib")] == ["ok"]


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, hard))  # No file may grow beyond it, as on a full disk.
    try:
        with pytest.raises(DataError, match=r"f\.grib cannot be written: File too large"):
            write(tmp_path / "f.grib", describe(members=50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
