"""A store of fields in the layout of WeatherBench 2 is trained on, forecast from and verified against, by commands."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import xarray as xr
from anemoi.core.cli.main import main
from anemoi.core.errors import NotThereError
from anemoi_plugin_zarr import ZarrSource

SMALL = [
    "graph.refinement=1", "training.steps=2", "training.rollout_steps=0", "model.channels=16",
    "model.processor.window_size=8",
]  # fmt: skip


@pytest.fixture
def store(tmp_path):
    """Fifteen days: temperatures on levels and at 2 m, precipitation over 6 h, a land-sea mask."""
    time = np.datetime64("2020-01-01T00", "ns") + np.arange(60) * np.timedelta64(6, "h")
    latitude, longitude = np.linspace(-75.0, 75.0, 6), np.arange(12) * 30.0
    phase = np.arange(60)[:, None, None] / 5 + np.deg2rad(longitude)[None, :, None]
    wave = (280 + 10 * np.sin(phase) * np.cos(np.deg2rad(latitude))).astype("f4")
    at_surface, random = ("time", "longitude", "latitude"), np.random.default_rng(0)
    fields = {
        "2m_temperature": (at_surface, wave, {"units": "K"}),
        "temperature": (
            ("time", "level", *at_surface[1:]),
            np.stack([wave - 20, wave - 5], 1),
            {"units": "K"},
        ),
        "land_sea_mask": (at_surface[1:], random.random((12, 6)).astype("f4"), {"units": "(0 - 1)"}),
        "total_precipitation_6hr": (
            at_surface,
            random.random((60, 12, 6)).astype("f4") / 1e3,
            {"units": "m"},
        ),
    }
    along = {"time": time, "level": [500, 850], "longitude": longitude, "latitude": latitude}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that consolidated metadata are not in the standard
        xr.Dataset(fields, along).to_zarr(tmp_path / "weather.zarr", zarr_format=3)
    return str(tmp_path / "weather.zarr")


def test_it_is_trained_on_forecast_from_and_verified_against(store, tmp_path, capsys):
    run = tmp_path / "run"
    command = [
        "train",
        "data=zarr",
        f"data.path={store}",
        "dates.end=2020-01-10",
        *SMALL,
        "--output",
        str(run),
    ]
    assert main(command) == 0, capsys.readouterr().err
    checkpoint, target = str(run / "checkpoint.safetensors"), str(tmp_path / "f.zarr")
    forecast = ["forecast", checkpoint, "--source", store, "--lead-time", "12h", "--output", target, "--date"]
    assert main([*forecast, "2020-01-12T00"]) == 0
    made = ZarrSource(path=target)
    assert made.variables == ("2t", "t_500", "t_850", "tp")
    assert np.isfinite(made.read(made.times)).all()
    capsys.readouterr()
    assert main([*forecast, "2021-01-12T00", "--overwrite"]) == NotThereError.exit_code
    later = ["--source", store, "--source", "start=2020-01-11", "--start", "2020-01-12"]
    assert main(["evaluate", checkpoint, *later, "--lead-time", "12h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "no state in the training period" in found["climatology_left_out"]
    assert {score["variable"] for score in found["scores"]} == set(made.variables)
