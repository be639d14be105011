"""The index that files are listed in once."""

from __future__ import annotations

import os

import numpy as np
import pytest
from anemoi.core.errors import DataError

from anemoi_plugin_earthkit import GribSource, NetcdfSource
from anemoi_plugin_earthkit.grib import Grib

from .making import message, states, write

TIMES = ("2020-01-01T00", "2020-01-01T06", "2020-01-01T12")


@pytest.fixture
def scanned(monkeypatch):
    """The names of the files that are looked into."""
    names = []
    scan = Grib.scan

    def watched(self, path):
        names.append(path.name)
        return scan(self, path)

    monkeypatch.setattr(Grib, "scan", watched)
    return names


@pytest.fixture
def directory(tmp_path):
    for i, time in enumerate(TIMES):
        fields = [("t", 850), ("2t", None)]
        # Not every file has its fields in the same order.
        made = [message(*field, time=time) for field in fields[:: -1 if i == 1 else 1]]
        write(tmp_path / "data" / f"{time}.grib", made)
    return tmp_path / "data"


def test_files_are_looked_into_once(directory, tmp_path, scanned):
    index = str(tmp_path / "fields.index")
    first = GribSource(path=str(directory), index=index)
    assert len(scanned) == 3
    second = GribSource(path=str(directory), index=index)
    assert len(scanned) == 3
    plain = GribSource(path=str(directory))
    for source in (first, second):
        np.testing.assert_array_equal(source.read(source.times), plain.read(plain.times))
        assert source.provenance["identity"] == plain.provenance["identity"]
        assert source.units == plain.units


def test_changed_new_and_removed_files_are_noticed(directory, tmp_path, scanned):
    index = str(tmp_path / "fields.index")
    GribSource(path=str(directory), index=index)
    scanned.clear()
    changed = directory / f"{TIMES[1]}.grib"
    write(
        changed,
        [message("t", 850, time=TIMES[1], values=1.0), message("2t", None, time=TIMES[1], values=2.0)],
    )
    write(directory / "new.grib", [message(*f, time="2020-01-01T18") for f in (("t", 850), ("2t", None))])
    source = GribSource(path=str(directory), index=index)
    assert scanned == [changed.name, "new.grib"]
    assert source.read([np.datetime64(TIMES[1])])[0, 0, 0].tolist() == [1.0, 2.0]
    assert len(source.times) == 4
    (directory / "new.grib").unlink()
    assert len(GribSource(path=str(directory), index=index).times) == 3


def test_a_file_of_the_same_size_that_is_newer_is_noticed(directory, tmp_path, scanned):
    index = str(tmp_path / "fields.index")
    GribSource(path=str(directory), index=index)
    scanned.clear()
    os.utime(directory / f"{TIMES[0]}.grib", (1, 1))
    GribSource(path=str(directory), index=index)
    assert scanned == [f"{TIMES[0]}.grib"]


def test_an_index_among_the_data_is_no_data(directory):
    for _ in range(2):
        GribSource(path=f"{directory}/*", index=str(directory / "fields.index"))


def test_nothing_is_written_where_no_index_is_asked_for(directory, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = sorted(tmp_path.rglob("*"))
    source = GribSource(path=str(directory))
    source.read(source.times)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_no_index_is_not_overwritten(directory, tmp_path):
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    with pytest.raises(DataError, match=r"precious\.txt is no index"):
        GribSource(path=str(directory), index=str(path))
    assert path.read_text() == "precious"


def test_an_index_that_cannot_be_written_is_an_error(directory, tmp_path):
    with pytest.raises(DataError, match=r"none/fields\.index cannot be written"):
        GribSource(path=str(directory), index=str(tmp_path / "none" / "fields.index"))


def test_other_options_list_the_fields_anew(tmp_path):
    """Not those of before, by their old names."""
    path, index = str(states(tmp_path / "a.nc")), str(tmp_path / "fields.index")
    assert "2t" in NetcdfSource(path=path, index=index).variables
    assert "air" in NetcdfSource(path=path, index=index, rename={"t2m": "air"}).variables
