"""Data that services send, from a server on this machine: nothing here leaves it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.errors import AbsentError, ConfigError, DataError, NotThereError

from anemoi_plugin_earthkit import DataStoreSource, OpenDataSource, retrieving

from .making import message
from .services import fill_open_data, serving


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, no other one in reach, and no time to wait for it."""
    with serving() as made:
        monkeypatch.setenv("CDSAPI_URL", f"{made.address}/api")
        monkeypatch.setenv("CDSAPI_KEY", "00000000-0000-0000-0000-000000000000")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(retrieving, "TRIES", 2)
        monkeypatch.setattr(retrieving, "WAIT", 0.01)
        monkeypatch.setattr(retrieving, "TIMEOUT", 5.0)
        yield made


REQUESTS = [{"levtype": "pl", "param": ["t"], "levelist": [850, 500]}, {"levtype": "sfc", "param": ["2t"]}]


def open_data(service, **options):
    fill_open_data(service)
    return OpenDataSource(**{"server": service.address, "requests": REQUESTS, "frequency": "6h", **options})


def test_open_data_are_retrieved_once(server, tmp_path):
    source = open_data(server, date="2026-11-28T00")
    assert source.variables == ("t_850", "t_500", "2t")
    assert source.times.tolist() == [np.datetime64("2026-11-28T00", "s").item()]
    assert source.read(source.times)[0, 0, 0].tolist() == pytest.approx([1.85, 1.5, 2.0], abs=1e-5)
    # Of the file only the messages that are wanted were sent, and none is sent again.
    kept = list((tmp_path / "cache" / "anemoi" / "retrieved").iterdir())
    assert len(kept) == 2
    assert all(path.suffix == ".grib" and not path.name.startswith(".") for path in kept)
    asked = len(server.asked)
    again = open_data(server, date="2026-11-28T00")
    assert len(server.asked) == asked
    assert again.provenance["identity"] == source.provenance["identity"]


def test_open_data_of_several_forecasts_and_of_the_latest(server):
    both = open_data(server, date="2026-11-27T12/2026-11-28T00/12h", frequency=None)
    assert both.read(both.times)[:, 0, 0, 2].tolist() == pytest.approx([14.0, 2.0], abs=1e-5)
    steps = open_data(
        server, date="2026-11-27T12", requests=[{"param": ["2t"], "step": [0, 6]}], frequency=None
    )
    assert steps.read(steps.times)[:, 0, 0, 0].tolist() == pytest.approx([14.0, 614.0], abs=1e-4)
    assert steps.frequency == np.timedelta64(6, "h")


def test_the_latest_forecast_is_the_last_that_is_there(server, monkeypatch):
    import ecmwf.opendata.client as client

    fill_open_data(server)
    monkeypatch.setattr(client, "full_date", _on(client.full_date, "2026-11-28"))
    assert open_data(server, date="latest").times[0] == np.datetime64("2026-11-28T00")
    server.trouble = lambda path: 404 if "/20261128/" in path else None
    assert open_data(server, date="latest").times[0] == np.datetime64("2026-11-27T12")


def _on(full_date, today):
    """The client's idea of a date, on another day than today."""

    def instead(date, time=None):
        return full_date(today if date == 0 else date, time)

    return instead


def test_open_data_that_are_not_there_are_told_from_a_server_that_does_not_answer(server):
    with pytest.raises(NotThereError, match=r"no data for 2026-11-29T00 \(yet\)") as told:
        open_data(server, date="2026-11-29T00")
    assert told.value.exit_code == 3
    with pytest.raises(DataError, match=r"refuses 2026-11-28T00: Cannot find index entries") as told:
        open_data(server, date="2026-11-28T00", requests=[{"param": ["sst"]}])
    assert told.value.exit_code == 4
    server.trouble = lambda path: 503
    with pytest.raises(NotThereError, match="does not answer: 503"):
        open_data(server, date="2026-11-28T00")
    server.trouble, server.silent = lambda path: None, 1.0
    retrieving.TIMEOUT = 0.2
    with pytest.raises(NotThereError, match=r"does not answer: .*[Rr]ead timed out"):
        open_data(server, date="2026-11-28T00")
    with pytest.raises(NotThereError, match="does not answer"):
        open_data(server, date="2026-11-28T00", server="http://127.0.0.1:9")


def test_a_file_that_is_cut_short_is_not_kept(server, tmp_path):
    for end, told in ((".grib2", "is not whole"), (".index", "cannot be read")):
        server.cut = {end: 10}
        with pytest.raises(NotThereError, match=told):
            open_data(server, date="2026-11-28T00", requests=[{"param": ["2t"]}])
    assert list((tmp_path / "cache" / "anemoi" / "retrieved").iterdir()) == []
    server.cut = {}
    assert open_data(server, date="2026-11-28T00", requests=[{"param": ["2t"]}]).variables == ("2t",)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"server": "moon"}, "server: there is no 'moon'"),
        ({"requests": []}, "nothing is asked for"),
        ({"requests": [{"param": "2t", "date": 0}]}, "date are not given there"),
    ],
)
def test_requests_that_cannot_be_are_refused(server, options, named):
    with pytest.raises(ConfigError, match=named):
        open_data(server, **{"date": "2026-11-28", **options})


ERA5 = {
    "product_type": ["reanalysis"],
    "variable": ["2m_temperature"],
    "year": ["2020"],
    "month": ["01"],
    "day": ["01"],
}


def era5(dataset, request):
    return b"".join(
        message("2t", None, time=f"2020-01-01T{t[:2]}", values=250.0 + int(t[:2])) for t in request["time"]
    )


def data_store(**request):
    request = {**ERA5, "time": ["00:00", "06:00"], **request}
    return DataStoreSource(dataset="reanalysis-era5-single-levels", requests=[request])


def test_data_of_the_climate_data_store_are_retrieved_once(server):
    server.answer = era5
    source = data_store()
    assert source.read(source.times)[:, 0, 0, 0].tolist() == [250.0, 256.0]
    assert "reanalysis-era5-single-levels" in str(source)
    assert "key" not in str(source.provenance)
    (job,) = server.jobs.values()
    assert job["request"]["data_format"] == "grib"
    data_store()
    assert len(server.jobs) == 1
    data_store(time=["00:00", "12:00"])
    assert len(server.jobs) == 2


def test_data_that_the_data_store_does_not_have_are_told_from_what_it_refuses(server):
    server.answer = lambda *_: (
        "The job has failed",
        "MultiAdaptorNoDataError: no data is available within your request",
    )
    with pytest.raises(NotThereError, match=r"no data for reanalysis-era5-single-levels, 2020-01-01 \(yet\)"):
        data_store()
    server.answer = lambda *_: ("The job has failed", "MarsRuntimeError: ambiguous: levtype")
    with pytest.raises(
        DataError, match=r"refuses reanalysis-era5-single-levels, 2020-01-01: .*ambiguous"
    ) as told:
        data_store()
    assert told.value.exit_code == 4
    for code in (401, 403):
        server.trouble = lambda path, code=code: code
        with pytest.raises(ConfigError, match="does not let you in"):
            data_store()
    server.trouble = lambda path: 503
    with pytest.raises(NotThereError, match="does not answer"):
        data_store()


def test_what_is_no_grib_is_refused(server):
    server.answer = lambda *_: b"PK\3\4 a zip file, say"
    with pytest.raises(DataError, match="not a GRIB file"):
        data_store()
    with pytest.raises(ConfigError, match="data_format is netcdf"):
        data_store(data_format="netcdf")


def test_a_key_that_is_not_there_is_asked_for(server, monkeypatch, tmp_path):
    monkeypatch.delenv("CDSAPI_KEY")
    monkeypatch.setenv("CDSAPI_RC", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="no key") as told:
        data_store()
    assert "CDSAPI_KEY" in str(told.value)


def test_clients_that_are_not_installed_are_named(server, monkeypatch):
    monkeypatch.setitem(sys.modules, "ecmwf.opendata", None)
    monkeypatch.setitem(sys.modules, "cdsapi", None)
    with pytest.raises(AbsentError, match=r'pip install "anemoi-plugin-earthkit\[open-data\]"'):
        open_data(server, date="2026-11-28T00")
    with pytest.raises(AbsentError, match=r'pip install "anemoi-plugin-earthkit\[cds\]"'):
        data_store()


def test_what_is_kept_needs_no_client(server, monkeypatch, tmp_path):
    source = open_data(server, date="2026-11-28T00", cache=str(tmp_path / "here"))
    monkeypatch.setitem(sys.modules, "ecmwf.opendata", None)
    again = open_data(server, date="2026-11-28T00", cache=str(tmp_path / "here"))
    np.testing.assert_array_equal(again.read(again.times), source.read(source.times))
    assert len(list(Path(tmp_path / "here").iterdir())) == 2
