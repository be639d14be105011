"""What no distribution can test alone: the commands one after another, and each plugin's absence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TINY = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=3",
    "training.rollout_steps=1",
]
PLUGINS = ("graphs", "sample-data", "training", "transformer", "verification", "zarr")


def anemoi(*words: str | Path, site: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    if site is not None:
        environment["ANEMOI_SITE_CONFIG"] = str(site)
    program = "import sys; from anemoi.core.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def succeed(*words: str | Path) -> str:
    done = anemoi(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("end-to-end")
    succeed("train", *TINY, "--output", directory / "run")
    return directory


def test_from_data_to_a_verified_forecast(run):
    checkpoint = run / "run" / "checkpoint.safetensors"
    said = json.loads(succeed("checkpoint", "inspect", checkpoint, "--json"))
    assert said["parameters"] > 0
    forecast = run / "forecast.zarr"
    netcdf, grib = run / "forecast.nc", run / "forecast.grib"
    outputs = ("--output", forecast, "--output", netcdf, "--output", grib)
    succeed("forecast", checkpoint, "--date", "2025-12-23", "--lead-time", "12h", *outputs)
    for file in (forecast, netcdf, grib):
        succeed("plot", file, "--output", f"{file}.png")
    assert (run / "forecast.nc.png").read_bytes() == (run / "forecast.zarr.png").read_bytes()
    assert "differs" not in succeed("provenance", "verify", forecast, netcdf, grib)
    scores = json.loads(
        succeed("evaluate", checkpoint, "--lead-time", "12h", "--report", run / "report", "--json")
    )
    assert scores["starts"] == 18 or len(scores["starts"]) == 18
    report = (run / "report" / "report.html").read_text(encoding="utf-8")
    assert "://" not in report.replace("http://www.w3.org", "")  # pictures are base64, which has no colon
    assert "Copernicus" in report


def test_outputs_take_their_options(run):
    import eccodes
    import h5py

    checkpoint, begin = run / "run" / "checkpoint.safetensors", ("--date", "2025-12-23", "--lead-time", "6h")
    # The suffix names an output as nc, its option as netcdf, which it is called as well.
    netcdf, grib = run / "options.nc", run / "options.grib"
    options = ("netcdf.compression=7", "grib.bits=12", "grib.packing=simple", "grib.keys={centre: ecmf}")
    words = [word for option in options for word in ("--output-option", option)]
    succeed("forecast", checkpoint, *begin, "--output", netcdf, "--output", grib, *words)
    with h5py.File(netcdf) as file:
        assert file["msl"].compression_opts == 7
    with grib.open("rb") as file:
        handle = eccodes.codes_grib_new_from_file(file)
        found = [eccodes.codes_get(handle, key) for key in ("bitsPerValue", "packingType", "centre")]
        eccodes.codes_release(handle)
    assert found == [12, "grid_simple", "ecmf"]

    for option, said in (
        ("zarr.x=1", "'zarr', which writes none of the files.\nWhat writes them: nc ("),
        ("grib.bits=25", "bits: expected int >= 1, <= 24, got 25."),
        ("grib.keys={centra: 98}", "GRIB does not take the keys"),
    ):
        refused = anemoi(
            "forecast", checkpoint, *begin, *_to(run, "no.nc", "no.grib"), "--output-option", option
        )
        assert refused.returncode == (4 if "GRIB" in said else 2)
        assert said in refused.stderr
    assert not list(run.glob("no.*"))


def test_one_state_of_a_forecast_is_drawn_as_out_of_the_whole(run):
    checkpoint = run / "run" / "checkpoint.safetensors"
    suffixes = ("zarr", "nc", "grib")
    names = [f"{name}.{suffix}" for suffix in suffixes for name in ("whole", "at-{lead_time}")]
    succeed("forecast", checkpoint, "--date", "2025-12-23", "--lead-time", "12h", *_to(run, *names))
    for suffix in suffixes:
        for name, *which in (("at-12h",), ("whole", "--lead-time", "12h")):
            file = run / f"{name}.{suffix}"
            succeed("plot", file, *which, "--output", f"{file}.png")
        one, whole = (run / f"{name}.{suffix}.png" for name in ("at-12h", "whole"))
        assert one.read_bytes() == whole.read_bytes()


def _to(directory: Path, *names: str) -> list[str | Path]:
    return [word for name in names for word in ("--output", directory / name)]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_what_a_missing_plugin_leaves(plugin, run, tmp_path):
    """Each is made to be absent, and everything that does not need it goes on working."""
    (tmp_path / "blocked-plugins.txt").write_text(f"anemoi-plugin-{plugin}\n")
    checkpoint = run / "run" / "checkpoint.safetensors"
    commands = {
        "list": ["plugins", "list"],
        "inspect": ["checkpoint", "inspect", checkpoint],
        "train": ["train", *TINY, "--output", tmp_path / "run"],
        "forecast": ["forecast", checkpoint, "--date", "2025-12-23", "--lead-time", "6h"]
        + ["--output", tmp_path / "forecast.zarr"],
        "evaluate": ["evaluate", checkpoint, "--lead-time", "6h", "--end", "2025-12-22T06"],
    }
    needed = {
        "graphs": {"train"},
        "sample-data": {"train", "forecast", "evaluate"},
        "training": {"train"},
        "transformer": {"train", "forecast", "evaluate"},
        "verification": {"evaluate"},
        "zarr": {"forecast"},
    }[plugin]
    for name, words in commands.items():
        done = anemoi(*words, site=tmp_path)
        if name in needed:
            assert done.returncode == 5, (name, done.stdout)
            assert f"anemoi-plugin-{plugin}" in done.stderr or "blocked" in done.stderr, (name, done.stderr)
            assert "Traceback" not in done.stderr
        else:
            assert done.returncode == 0, (name, done.stderr)
    assert not (tmp_path / "run").exists() or "train" not in needed
    assert not (tmp_path / "forecast.zarr").exists() or "forecast" not in needed


@pytest.fixture
def grib(tmp_path):
    """The last states of the sample before a forecast begins, as GRIB."""
    import eccodes
    from anemoi_plugin_sample_data import Sample

    sample = Sample()
    times = [time for time in sample.times if "2025-12-22" <= str(time) <= "2025-12-23T00:00:00"]
    path = tmp_path / "analysis.grib"
    with path.open("wb") as file:
        for time, field in zip(times, sample.read(times)[:, 0, :, 0], strict=True):
            handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
            date = time.item()
            keys = {
                "Ni": 144,
                "Nj": 73,
                "latitudeOfFirstGridPointInDegrees": 90,
                "latitudeOfLastGridPointInDegrees": -90,
                "longitudeOfFirstGridPointInDegrees": 0,
                "longitudeOfLastGridPointInDegrees": 357.5,
                "iDirectionIncrementInDegrees": 2.5,
                "jDirectionIncrementInDegrees": 2.5,
                "dataDate": int(date.strftime("%Y%m%d")),
                "dataTime": int(date.strftime("%H%M")),
                "shortName": "msl",
                "bitsPerValue": 24,
            }
            for key, value in keys.items():
                eccodes.codes_set(handle, key, value)
            eccodes.codes_set_array(handle, "values", field.astype(float))
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)
    return path


def test_a_forecast_begins_from_grib_as_from_what_it_was_made_of(run, grib, tmp_path):
    import numpy as np
    from anemoi_plugin_earthkit import GribSource
    from anemoi_plugin_sample_data import Sample
    from anemoi_plugin_zarr import ZarrSource

    checkpoint = run / "run" / "checkpoint.safetensors"
    made = tmp_path / "analysis.zarr"
    succeed("data", "create", "grib", f"path={grib}", made)
    wanted, created = GribSource(path=str(grib)), ZarrSource(path=str(made))
    assert created.times.tolist() == wanted.times.tolist()
    np.testing.assert_array_equal(created.read(created.times), wanted.read(wanted.times))
    assert created.provenance["parents"][0]["identity"] == wanted.provenance["identity"]

    how = ("--date", "2025-12-23", "--lead-time", "12h", "--output")
    named = ("--source", "name=grib", "--source", f"path={grib}")
    written = [tmp_path / "grib.zarr", tmp_path / "forecast.grib"]
    succeed("forecast", checkpoint, *named, *how, written[0], "--output", written[1])
    succeed("forecast", checkpoint, "--source", made, *how, tmp_path / "created.zarr")
    forecasts = [ZarrSource(path=str(tmp_path / f"{name}.zarr")) for name in ("grib", "created")]
    fields, same = (forecast.read(forecast.times) for forecast in forecasts)
    np.testing.assert_array_equal(fields, same)
    # 24 bits over less than 2^14 Pa: steps of 0.001 Pa, less than float32 has at 100,000 Pa.
    assert np.abs(wanted.read(wanted.times) - Sample().read(wanted.times)).max() <= 0.01

    # What a forecast wrote as GRIB is a source again.
    again = GribSource(path=str(written[1]))
    assert again.grid.matches(wanted.grid)
    assert np.abs(again.read(again.times) - fields).max() < 1.0

    late = anemoi(
        "forecast", checkpoint, "--source", grib, "--date", "2025-12-26", *how[2:], tmp_path / "no.zarr"
    )
    assert late.returncode == 3
    assert "it has no state at" in late.stderr
    assert "Traceback" not in late.stderr
    assert not (tmp_path / "no.zarr").exists()
