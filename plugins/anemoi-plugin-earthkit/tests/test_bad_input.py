"""What is wrong with files is told in one sentence that names the file and the field."""

from __future__ import annotations

import re

import netCDF4
import numpy as np
import pytest
from anemoi.core.errors import AnemoiError, ConfigError, DataError, NotThereError

from anemoi_plugin_earthkit import GribSource, NetcdfSource

from .making import OCTAHEDRAL, REDUCED, message, states, write

TIMES = ("2020-01-01T00", "2020-01-01T06", "2020-01-01T12")


def refused(path, *words, error=DataError, **options):
    """See that opening is refused, with a fix, and that the message has these words in this order."""
    with pytest.raises(AnemoiError) as caught:
        GribSource(path=str(path), **options)
    assert isinstance(caught.value, error)
    assert caught.value.fix
    assert re.search(".*".join(map(re.escape, words)), caught.value.what, re.DOTALL), caught.value.what
    return caught.value


def test_a_path_that_is_not_there(tmp_path):
    refused(tmp_path / "none.grib", "none.grib: there is no such file")
    refused(tmp_path / "*.grib", "*.grib: there is no such file")
    refused(tmp_path, "holds no GRIB file", ".grib2")


def test_a_file_that_is_not_grib(tmp_path):
    path = tmp_path / "a.grib"
    for contents in (b"", b"GRI", b"not what it says it is" * 100, b"GRIB" + b"\7" * 40):
        path.write_bytes(contents)
        refused(path, "a.grib is not a GRIB file")


@pytest.mark.parametrize("edition", [1, 2])
def test_a_truncated_file_names_the_field_that_is_cut(edition, tmp_path):
    made = [message("t", level, edition=edition, time=TIMES[0]) for level in (850, 500)]
    whole = b"".join(made)
    path = tmp_path / "a.grib"
    for cut in (1, 20, 80):
        path.write_bytes(whole[:-cut])
        refused(
            path, "a.grib is truncated", "t_500 for 2020-01-01T00", f"byte {len(made[0])}", frequency="6h"
        )
    for left in (len(made[0]) + 8, len(made[0]) + 30):  # within the headers
        path.write_bytes(whole[:left])
        refused(path, "a.grib is truncated", f"byte {len(made[0])}", frequency="6h")


def test_a_message_that_does_not_end_as_one(tmp_path):
    made = bytearray(message(time=TIMES[0]))
    made[-2:] = b"??"
    refused(write(tmp_path / "a.grib", [made]), "a.grib is damaged", "t_850 for 2020-01-01T00", "byte 0")


def test_a_section_of_no_length(tmp_path):
    made = bytearray(message(time=TIMES[0]))
    made[16:20] = bytes(4)
    refused(write(tmp_path / "a.grib", [made]), "a.grib is damaged", "byte 0")


def test_values_that_cannot_be_decoded(tmp_path):
    made = [message(time=time) for time in TIMES]
    damaged = bytearray(made[1])
    section = bytes(damaged).rindex(b"\x00\x00\x00\x15\x05")  # Data representation: simple packing, 16 bits.
    damaged[section + 19] = 200
    path = write(tmp_path / "a.grib", [made[0], bytes(damaged), made[2]])
    source = GribSource(path=str(path))
    with pytest.raises(DataError, match=rf"a\.grib.*byte {len(made[0])}"):
        source.read(source.times)


def test_mixed_grids_name_a_field_of_each(tmp_path):
    write(tmp_path / "a.grib", [message("t", 850, time=time) for time in TIMES])
    write(tmp_path / "b.grib", [message("q", 850, time=time, grid=REDUCED) for time in TIMES])
    refused(
        tmp_path,
        "mixes grids",
        "t_850 in", "a.grib has 40 points (regular_ll)",
        "q_850 in", "b.grib has 6114 points (reduced_gg)",
    )  # fmt: skip
    assert GribSource(path=str(tmp_path), select=["q_850"]).variables == ("q_850",)


def test_a_grid_that_changes_with_time(tmp_path):
    made = [message("t", 850, time=time, grid=OCTAHEDRAL if i else REDUCED) for i, time in enumerate(TIMES)]
    refused(write(tmp_path / "a.grib", made), "mixes grids", "6114 points", "544 points")


def test_spherical_harmonics(tmp_path):
    import eccodes

    handle = eccodes.codes_grib_new_from_samples("sh_pl_grib2")
    path = write(tmp_path / "a.grib", [eccodes.codes_get_message(handle)])
    refused(path, "a.grib holds", "as spherical harmonics", "byte 0")


def test_a_missing_field_is_named_with_the_file_that_has_the_others(tmp_path):
    for time in TIMES:
        levels = (850,) if time == TIMES[1] else (850, 500)
        write(tmp_path / f"{time}.grib", [message("t", level, time=time) for level in levels])
    error = refused(tmp_path, "lacks fields", "t_500 for 2020-01-01T06", f"{TIMES[1]}.grib")
    assert "skip_incomplete=true" in error.fix
    source = GribSource(path=str(tmp_path), skip_incomplete=True)
    assert source.missing == {np.datetime64(TIMES[1], "s")}
    assert GribSource(path=str(tmp_path), select=["t_850"]).missing == frozenset()


def test_a_missing_member_is_named(tmp_path):
    made = [message(time=time, member=m) for time in TIMES for m in (0, 1, 2) if (time, m) != (TIMES[2], 1)]
    refused(write(tmp_path / "a.grib", made), "t_850 for 2020-01-01T12, member 1", "a.grib")


def test_a_field_that_is_there_twice_names_both(tmp_path):
    write(tmp_path / "a.grib", [message("t", 850, time=time) for time in TIMES])
    write(tmp_path / "b.grib", [message("t", 850, time=TIMES[0], step="6")])
    refused(
        tmp_path,
        "t_850 for 2020-01-01T06", "is there twice",
        "from 2020-01-01T06 in", "a.grib", "from 2020-01-01T00 in", "b.grib",
    )  # fmt: skip


def test_times_that_are_not_equally_spaced_name_a_field(tmp_path):
    made = [message("t", 850, time=f"2020-01-01T{hour:02d}") for hour in (0, 6, 12, 19)]
    refused(write(tmp_path / "a.grib", made), "not equally spaced", "2020-01-01T12", "2020-01-01T19", "t_850")


def test_one_time_alone_has_no_frequency(tmp_path):
    path = write(tmp_path / "a.grib", [message(time=TIMES[0])])
    error = refused(path, "one time alone, 2020-01-01T00", "t_850", "a.grib")
    assert "frequency=6h" in error.fix
    refused(path, "frequency: 'often' is not a duration", error=ConfigError, frequency="often")


def test_a_frequency_that_cannot_be_had(tmp_path):
    path = write(tmp_path / "a.grib", [message(time=time) for time in TIMES])
    refused(path, "6h apart", "every 4h", frequency="4h")


def test_names_that_are_not_there(tmp_path):
    path = write(tmp_path / "a.grib", [message(time=time) for time in TIMES])
    assert "t_850" in refused(path, "has no t_851 (select)", select=["t_851"]).fix
    refused(path, "has no lsm (constants)", constants=["lsm"])
    refused(path, "t_850 is selected more than once", select=["t_850", "t_850"])
    refused(path, "no field that changes", constants=["t_850"])


def test_a_file_that_changes_after_it_was_opened(tmp_path):
    path = write(tmp_path / "a.grib", [message(time=time) for time in TIMES])
    source = GribSource(path=str(path))
    write(path, [message(time=time) for time in (*TIMES, "2020-01-01T18")])
    with pytest.raises(DataError, match=r"a\.grib has changed"):
        source.read(source.times)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.grib cannot be read any more"):
        source.read(source.times)


def test_several_fields_in_one_message(tmp_path):
    made = message(time=TIMES[0])
    # Sections 4 to 7 once more before the end.
    at = 16
    while made[at + 4] != 4:
        at += int.from_bytes(made[at : at + 4], "big")
    doubled = bytearray(made[:-4] + made[at:])
    doubled[8:16] = len(doubled).to_bytes(8, "big")
    error = refused(write(tmp_path / "a.grib", [doubled]), "several fields in the message at byte 0")
    assert "grib_copy" in error.fix


def test_points_that_lie_nowhere_name_the_file(tmp_path):
    path = states(tmp_path / "a.nc")
    with netCDF4.Dataset(path, "a") as file:
        file["latitude"][0] = 160.0
    with pytest.raises(DataError, match=r"a\.nc: the coordinates of t make no grid: Latitudes must"):
        NetcdfSource(path=str(path))


def test_a_file_without_times_yet_is_not_there(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("time", None)
        for name, degrees in (("latitude", "degrees_north"), ("longitude", "degrees_east")):
            file.createDimension(name, 2)
            file.createVariable(name, "f4", (name,)).units = degrees
            file[name][:] = [0.0, 1.0]
        file.createVariable("time", "f8", ("time",)).units = "hours since 2020-01-01"
        file.createVariable("t", "f4", ("time", "latitude", "longitude")).units = "K"
    with pytest.raises(NotThereError, match=r"a\.nc: t has no values: its dimension time has the length 0"):
        NetcdfSource(path=str(tmp_path / "a.nc"))
