"""What is read from GRIB, against ecCodes alone."""

from __future__ import annotations

import pickle
import subprocess
import sys

import eccodes
import numpy as np
import pytest
from anemoi_plugin_sample_data import Sample

from anemoi_plugin_earthkit import GribSource

from .making import LAMBERT, OCTAHEDRAL, REDUCED, REGULAR, ROTATED, message, read, write

FIELDS = (("t", 850), ("z", 500), ("2t", None), ("msl", None))
TIMES = ("2020-02-28T18", "2020-02-29T00", "2020-02-29T06")
GRIDS = {
    "area": REGULAR,
    "rotated": ROTATED,
    "reduced": REDUCED,
    "octahedral": OCTAHEDRAL,
    "lambert": LAMBERT,
}


@pytest.mark.parametrize("edition", [1, 2])
@pytest.mark.parametrize("grid", GRIDS)
def test_fields_of_any_grid_are_those_that_eccodes_reads(grid, edition, tmp_path):
    made = [message(*field, edition=edition, time=t, grid=GRIDS[grid]) for t in TIMES for field in FIELDS]
    path = write(tmp_path / "a.grib", made)
    source = GribSource(path=str(path))
    assert source.variables == ("t_850", "z_500", "2t", "msl")
    assert source.units["t_850"] == "K"
    assert source.times.tolist() == np.array(TIMES, dtype="M8[s]").tolist()
    expected = list(read(path))
    fields = source.read(source.times)
    assert fields.shape == (3, 1, len(expected[0]["values"]), 4)
    for i, of_time in enumerate(fields):
        for j in range(4):
            np.testing.assert_array_equal(of_time[0, :, j], expected[4 * i + j]["values"].astype("f4"))
    np.testing.assert_array_equal(source.grid.latitudes, expected[0]["latitudes"])
    np.testing.assert_array_equal(source.grid.longitudes, expected[0]["longitudes"])
    assert source.grid.field_shape == {"area": (5, 8), "rotated": (5, 8), "lambert": (6, 7)}.get(grid)


@pytest.mark.parametrize("edition", [1, 2])
def test_the_era5_sample_comes_back_to_the_precision_of_packing(edition, tmp_path):
    sample = Sample()
    times = sample.times[:6]
    fields = sample.read(times)[:, 0, :, 0]  # (time, grid)
    grid = {
        "gridType": "regular_ll",
        "Ni": 144,
        "Nj": 73,
        "latitudeOfFirstGridPointInDegrees": 90.0,
        "longitudeOfFirstGridPointInDegrees": 0.0,
        "latitudeOfLastGridPointInDegrees": -90.0,
        "longitudeOfLastGridPointInDegrees": 357.5,
        "iDirectionIncrementInDegrees": 2.5,
        "jDirectionIncrementInDegrees": 2.5,
    }
    made = (
        message("msl", None, edition=edition, time=str(time), grid=grid, values=field)
        for time, field in zip(times, fields, strict=True)
    )
    source = GribSource(path=str(write(tmp_path / "era5.grib", made)))
    assert source.grid.matches(sample.grid)
    assert source.units == {"msl": "Pa"}
    # 16 bits over a range of less than 2^14 Pa: steps of at most 0.25 Pa, and values at most half a step off.
    assert np.ptp(fields, axis=1).max() < 2**14
    assert (
        np.abs(source.read(times)[:, 0, :, 0] - fields).max() <= 0.125 + 0.004
    )  # float32 has steps of 0.008
    statistics, wide = source.statistics, source.read(times).astype("f8")
    for name, value in (("mean", wide.mean()), ("stdev", wide.std()), ("minimum", wide.min())):
        assert getattr(statistics, name)[0] == pytest.approx(value, rel=1e-12), name


def test_members_are_an_ensemble_in_the_order_of_their_numbers(tmp_path):
    made = [
        message("t", 500, time=time, member=member, values=10.0 * member)
        for time in TIMES
        for member in (7, 0, 12)
    ]
    source = GribSource(path=str(write(tmp_path / "ens.grib", made)))
    assert source.read(source.times)[:, :, 0, 0].tolist() == [[0.0, 70.0, 120.0]] * 3


def test_a_forecast_is_a_sequence_of_its_valid_times(tmp_path):
    made = [message("2t", None, time="2020-01-01T00", step=str(step), values=step) for step in (0, 6, 12, 18)]
    source = GribSource(path=str(write(tmp_path / "fc.grib", made)))
    assert str(source.times[-1]) == "2020-01-01T18:00:00"
    assert source.read(source.times)[:, 0, 0, 0].tolist() == [0.0, 6.0, 12.0, 18.0]


def test_the_order_of_messages_does_not_matter(tmp_path):
    made = [message(*field, time=time) for time in TIMES for field in FIELDS]
    one = GribSource(path=str(write(tmp_path / "one.grib", made)), select=["msl", "t_850"])
    other = GribSource(path=str(write(tmp_path / "other.grib", made[::-1])), select=["msl", "t_850"])
    np.testing.assert_array_equal(one.read(one.times), other.read(other.times))
    assert one.provenance["identity"] == other.provenance["identity"]
    changed = [*made[:-1], message("msl", None, time=TIMES[-1], values=99.0)]
    third = GribSource(path=str(write(tmp_path / "third.grib", changed)), select=["msl", "t_850"])
    assert third.provenance["identity"] != one.provenance["identity"]


def test_points_that_a_bit_map_leaves_out_are_nan(tmp_path):
    values = np.where(np.arange(40) % 7 == 0, np.nan, 280.0)
    made = [message("sst", None, time=time, values=values) for time in TIMES]
    for edition in (1, 2):
        made = [message("sst", None, edition=edition, time=time, values=values) for time in TIMES]
        source = GribSource(path=str(write(tmp_path / f"{edition}.grib", made)))
        np.testing.assert_array_equal(np.isnan(source.read(TIMES)[1, 0, :, 0]), np.isnan(values))
        assert source.statistics.mean[0] == pytest.approx(280.0)


def test_levels_other_than_pressure(tmp_path):
    made = [
        message("t", None, time=time, typeOfLevel="hybrid", level=137)
        + message("10u", None, time=time)
        + message("u", None, time=time, typeOfLevel="heightAboveGround", level=80)
        + message("t", None, time=time, typeOfLevel="isobaricInPa", level=50)
        for time in TIMES
    ]
    assert GribSource(path=str(write(tmp_path / "a.grib", made))).variables == (
        "t_model_137",
        "10u",
        "u_height_80",
        "t_0.5",
    )


def test_one_grid_described_in_two_ways_is_one(tmp_path):
    for edition in (1, 2):
        made = [message("t" if edition == 1 else "q", 850, edition=edition, time=time) for time in TIMES]
        write(tmp_path / f"{edition}.grib", made)
    source = GribSource(path=str(tmp_path))
    assert set(source.variables) == {"t_850", "q_850"}
    assert source.read(source.times).shape == (3, 1, 40, 2)


def test_constants_and_frequency(tmp_path):
    made = [message("t", 850, time=f"2020-01-01T{hour:02d}", values=hour) for hour in range(0, 13, 3)]
    path = write(tmp_path / "a.grib", [message("lsm", None, time="1990-01-01", values=0.5), *made])
    source = GribSource(path=str(path), constants=["lsm"], frequency="6h")
    assert source.variables == ("lsm", "t_850")
    assert source.read(source.times)[:, 0, 3].tolist() == [[0.5, 0.0], [0.5, 6.0], [0.5, 12.0]]
    single = GribSource(path=str(write(tmp_path / "b.grib", made[:1])), frequency="6h")
    assert single.times.tolist() == np.array(["2020-01-01"], dtype="M8[s]").tolist()


@pytest.mark.parametrize(
    ("accumulated", "hours"), [([], 12), ([("6-12", 6)], 6), ([("0-12", 12)], 12)], ids=str
)
def test_one_time_of_a_forecast_is_a_step_of_it(tmp_path, accumulated, hours):
    made = [message("t", 850, step="12")]
    made += [message("tp", None, step=step, stepType="accum", values=over) for step, over in accumulated]
    source = GribSource(path=str(write(tmp_path / "a.grib", made)))
    assert source.times.tolist() == np.array(["2020-01-01T12"], dtype="M8[s]").tolist()
    assert source.frequency == np.timedelta64(hours, "h")
    assert source.read(source.times)[0, 0, 0, 1:].tolist() == [float(over) for _, over in accumulated]


def test_headings_between_messages_are_passed_over(tmp_path):
    made = [b"\r\r\nHTXX01 ECMF 010000\r\r\n" + message(time=time) for time in TIMES]
    assert len(GribSource(path=str(write(tmp_path / "a.grib", made))).times) == 3


def test_opening_reads_headers_alone(tmp_path):
    grid = {"gridType": "reduced_gg", "sample": "reduced_gg_pl_32"}
    random = np.random.default_rng(0)
    for edition in (1, 2):
        made = [
            message("t", level, edition=edition, grid=grid, values=random.normal(size=6114), bits=24)
            for level in range(100, 1000, 25)
        ]
        path = write(tmp_path / f"{edition}.grib", made)
        program = (
            "from anemoi_plugin_earthkit.grib import Grib; from pathlib import Path; import sys, eccodes\n"
            "def count(): return int(open('/proc/self/io').readline().split()[1])\n"
            "list(Grib({}).scan(Path(sys.argv[1])))\n"  # once, so that the definitions of ecCodes are there
            "before = count(); fields = list(Grib({}).scan(Path(sys.argv[1])))\n"
            "print(len(fields), count() - before)"
        )
        run = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
        )
        fields, taken = map(int, run.stdout.split())
        assert fields == 36
        assert taken < 0.1 * path.stat().st_size


def test_nothing_is_imported_before_it_is_needed():
    program = (
        "import sys, anemoi_plugin_earthkit; "
        "print([m for m in ('eccodes', 'earthkit.data', 'xarray', 'torch') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_pickled_source_does_not_look_into_the_files_again(tmp_path, monkeypatch):
    path = write(tmp_path / "a.grib", [message(time=time) for time in TIMES])
    pickled = pickle.dumps(GribSource(path=str(path)))
    monkeypatch.setattr(eccodes, "codes_new_from_message", None)
    source = pickle.loads(pickled)
    assert len(source.times) == 3
