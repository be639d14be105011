import hashlib
import resource
from dataclasses import replace

import eccodes
import numpy as np
import pytest
import xarray
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import ForecastDescription, State
from anemoi.core.lineage import verify
from anemoi.core.trailer import read_trailer
from anemoi.core.variable import Variable

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
        variables=("2t", "msl", "cos_latitude", "100u", "tp"), units={"2t": "m s-1", "msl": "Pa"}
    )
    with pytest.raises(DataError) as refusal:
        GribOutput(path=str(tmp_path / "f.grib"), forecast=replace(forecast, frequency=None))
    for fault in (
        "2t is in m s-1, but GRIB has it in K",
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


HOURS = np.timedelta64(3600, "s")


def at(name, level, level_type, **known):
    return Variable(name, level=level, level_type=level_type, **known)


MEANT = [
    (at("t_850", 850.0, "pressure"), ("t", "isobaricInhPa", 850, "instant")),
    (at("t_0.5", 0.5, "pressure"), ("t", "isobaricInPa", 50, "instant")),
    (at("t_137", 137.0, "model"), ("t", "hybrid", 137, "instant")),
    (at("t_model_1", 1.0, "model"), ("t", "hybrid", 1, "instant")),
    (at("z_510", 0.51, "sigma"), ("z", "sigma", 0.51, "instant")),
    (at("u_80", 80.0, "height"), ("u", "heightAboveGround", 80, "instant")),
    (at("u_50", 50.0, "heightAboveSea"), ("u", "heightAboveSea", 50, "instant")),
    (at("sot_1", 1.0, "soil"), ("sot", "soilLayer", 1, "instant")),
    (at("pt_2000", 2000.0, "pv"), ("pt", "potentialVorticity", 2000, "instant")),
    (at("t_300", 300.0, "theta"), ("t", "theta", 300, "instant")),
    (at("2t", None, "surface"), ("2t", "heightAboveGround", 2, "instant")),
    (at("10u", 10.0, "height"), ("10u", "heightAboveGround", 10, "instant")),
    (at("tp", None, None, accumulated=6 * HOURS, units="m"), ("tp", "surface", 0, "accum")),
    (at("avg_ishf", None, None, averaged=3 * HOURS), ("avg_ishf", "surface", 0, "avg")),
    (at("2t", None, None, averaged=3 * HOURS), ("avg_2t", "heightAboveGround", 2, "avg")),
    (at("t_500", 500.0, "pressure", maximum_over=HOURS), ("max_t", "isobaricInhPa", 500, "max")),
]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("variable", "expected"), MEANT, ids=lambda each: getattr(each, "name", ""))
def test_levels_and_periods_are_those_of_the_variable(variable, expected, members, tmp_path):
    forecast = replace(
        describe(variables=(variable.name,), members=members, units={}), metadata={variable.name: variable}
    )
    fields = write(tmp_path / "f.grib", forecast, bits=24)
    keys = ("shortName", "typeOfLevel", "stepType", "lengthOfTimeRange", "number")
    found = messages(tmp_path / "f.grib", *keys)
    assert [each["number"] for each in found[:members]] == ([None] if members == 1 else [0, 1, 2])
    short_name, kind, level, process = expected
    for each in found:
        assert (each["shortName"], each["typeOfLevel"], each["stepType"]) == (short_name, kind, process)
        assert each["lengthOfTimeRange"] == (variable.statistic and variable.statistic[1] // HOURS)
    with (tmp_path / "f.grib").open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
        assert eccodes.codes_get(handle, "level", float) == pytest.approx(level)
        eccodes.codes_release(handle)
    factor = 1000.0 if variable.name == "tp" else 1.0
    np.testing.assert_allclose(found[0]["values"], fields[0, 0, :, 0] * factor, rtol=1e-4)


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (Variable("t_510"), "t_510 may be on pressure, or on a level of any other type"),
        (Variable("t_137"), "t_137 may be on pressure"),
        (Variable("tp", averaged=HOURS), "tp is no parameter"),
        (at("t_5", 5.0, "urban"), r"t_5 is no parameter of this centre .t on urban 5."),
        (Variable("hf", averaged=HOURS, units="W m-2"), "hf is no parameter"),
        (at("sot_depthBelowLandLayer_0.1-0.4", 0.1, "depthBelowLandLayer"), "no parameter"),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_what_is_not_known_to_be_on_pressure_or_cannot_be_said_is_refused(variable, said, tmp_path, capfd):
    forecast = replace(describe(variables=(variable.name,)), metadata={variable.name: variable})
    with pytest.raises(DataError, match=said) as refusal:
        GribOutput(path=str(tmp_path / "f.grib"), forecast=forecast)
    assert "grib.names" in refusal.value.fix
    assert capfd.readouterr().err == ""


def test_variables_are_what_names_say(tmp_path):
    names = {"t2m": "2t", "t_510": "t_sigma_0.51", "hf": "avg_ishf", "z_3": "z_500", "x": "130"}
    known = {"hf": Variable("hf", units="W m-2", averaged=6 * HOURS), "t2m": Variable("t2m", units="degC")}
    forecast = replace(describe(variables=tuple(names), members=1, hours=(6,), units={}), metadata=known)
    fields = write(tmp_path / "f.grib", forecast, names=names, bits=24)
    found = messages(tmp_path / "f.grib", "shortName", "typeOfLevel", "level")
    said = [(each["shortName"], each["typeOfLevel"]) for each in found]
    assert said == [
        ("2t", "heightAboveGround"), ("t", "sigma"), ("avg_ishf", "surface"), ("z", "isobaricInhPa"),
        ("t", "surface"),
    ]  # fmt: skip
    np.testing.assert_allclose(found[0]["values"], fields[0, 0, :, 0] + 273.15, rtol=1e-6)
    with pytest.raises(DataError, match="has no y"):
        GribOutput(path=str(tmp_path / "g.grib"), forecast=forecast, names={"y": "2t"})


def rotated(path):
    """A message on a rotated grid, of a centre of its own."""
    handle = eccodes.codes_grib_new_from_samples("rotated_ll_pl_grib1")
    for key, value in {"centre": "edzw", "latitudeOfSouthernPoleInDegrees": -40, "Ni": 16, "Nj": 31}.items():
        eccodes.codes_set(handle, key, value)
    grid = Grid(*(eccodes.codes_get_array(handle, name) for name in ("latitudes", "longitudes")))
    path.write_bytes(eccodes.codes_get_message(handle))
    eccodes.codes_release(handle)
    return grid


def test_a_template_gives_the_grid_and_the_centre(tmp_path):
    grid = rotated(tmp_path / "t.grib")
    forecast = describe(grid, variables=("t_850", "tp"), members=2, hours=(6,))
    with pytest.raises(DataError, match="GRIB keeps no list of points"):
        GribOutput(path=str(tmp_path / "f.grib"), forecast=forecast)
    fields = write(tmp_path / "f.grib", forecast, template=str(tmp_path / "t.grib"), bits=24)
    found = messages(tmp_path / "f.grib", "gridType", "centre", "edition", "stepRange", "level", "dataDate")
    assert Grid(*found[0]["points"]).matches(grid)
    for each, over in zip(found, ("6", "6", "0-6", "0-6"), strict=True):
        assert (each["gridType"], each["centre"], each["edition"]) == ("rotated_ll", "edzw", 2)
        assert (each["stepRange"], each["dataDate"]) == (over, 20200228)
    np.testing.assert_allclose(found[1]["values"], fields[0, 1, :, 0], rtol=0, atol=1e-6)


PROJECTED = {
    "lambert": {
        "Nx": 7, "Ny": 6, "latitudeOfFirstGridPointInDegrees": 50, "longitudeOfFirstGridPointInDegrees": 5,
        "LaDInDegrees": 52, "LoVInDegrees": 10, "Latin1InDegrees": 52, "Latin2InDegrees": 52,
        "DxInMetres": 20000, "DyInMetres": 20000,
    },
    "polar_stereographic": {
        "Nx": 6, "Ny": 7, "latitudeOfFirstGridPointInDegrees": 60, "longitudeOfFirstGridPointInDegrees": 340,
        "orientationOfTheGridInDegrees": 10, "DxInMetres": 50000, "DyInMetres": 50000,
    },
    "healpix": {"Nside": 2, "orderingConvention": "nested", "longitudeOfFirstGridPointInDegrees": 45},
}  # fmt: skip


@pytest.mark.parametrize("kind", PROJECTED)
def test_a_projection_is_kept_with_a_template_and_refused_without(tmp_path, kind):
    handle = eccodes.codes_grib_new_from_samples("GRIB2")
    for key, value in {"gridType": kind, **PROJECTED[kind]}.items():
        eccodes.codes_set(handle, key, value)
    points = PROJECTED[kind].get("Nx", 12 * 2) * PROJECTED[kind].get("Ny", 2)
    eccodes.codes_set_array(handle, "values", np.zeros(points))
    (tmp_path / "t.grib").write_bytes(eccodes.codes_get_message(handle))
    grid = Grid(*(eccodes.codes_get_array(handle, name) for name in ("latitudes", "longitudes")))
    eccodes.codes_release(handle)
    with pytest.raises(DataError, match="GRIB keeps no list of points"):
        GribOutput(path=str(tmp_path / "f.grib"), forecast=describe(grid))
    fields = write(tmp_path / "f.grib", describe(grid), template=str(tmp_path / "t.grib"), bits=24)
    keys = [key for key in PROJECTED[kind] if key != "orderingConvention"]
    found = messages(tmp_path / "f.grib", "gridType", *keys)
    for each in found:
        assert each["gridType"] == kind
        assert [each[key] for key in keys] == pytest.approx([PROJECTED[kind][key] for key in keys])
        assert Grid(*each["points"]).matches(grid)
    np.testing.assert_allclose(found[0]["values"], fields[0, 0, :, 0], rtol=1e-6)


@pytest.mark.parametrize("path", ["in/a.grib", "in", "in/*.grib"])
def test_what_the_forecast_started_from_gives_them_too(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    grid = rotated(tmp_path / "in" / "a.grib")
    (tmp_path / "in" / "notes.txt").write_text("no GRIB")
    parents = [{"kind": "checkpoint"}, {"kind": "dataset", "format": "grib", "path": path}]
    forecast = replace(describe(grid, variables=("t_850",), members=1), provenance={"parents": parents})
    write(tmp_path / "f.grib", forecast)
    found = messages(tmp_path / "f.grib", "gridType", "centre")
    assert {(each["gridType"], each["centre"]) for each in found} == {("rotated_ll", "edzw")}


def test_what_it_started_from_gives_nothing_where_the_points_are_others_or_it_is_gone(tmp_path):
    rotated(tmp_path / "a.grib")
    for path in (tmp_path / "a.grib", tmp_path / "gone.grib"):
        parents = [{"kind": "dataset", "format": "grib", "path": str(path)}]
        forecast = replace(describe(variables=("t_850",), members=1), provenance={"parents": parents})
        write(tmp_path / f"{path.stem}.out.grib", forecast)
        found = messages(tmp_path / f"{path.stem}.out.grib", "gridType", "centre")
        assert {(each["gridType"], each["centre"]) for each in found} == {("regular_ll", "255")}


@pytest.mark.parametrize(
    ("name", "said"),
    [("t.grib", "496 points that are not the 12"), ("no.grib", "no GRIB message"), ("x", "cannot be read")],
)
def test_a_template_on_other_points_or_none_is_refused(name, said, tmp_path):
    rotated(tmp_path / "t.grib")
    (tmp_path / "no.grib").write_bytes(b"nothing")
    with pytest.raises(DataError, match=said):
        GribOutput(path=str(tmp_path / "f.grib"), forecast=describe(), template=str(tmp_path / name))


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
