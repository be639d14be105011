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
    succeed("forecast", checkpoint, "--date", "2025-12-23", "--lead-time", "12h", "--output", forecast)
    succeed("plot", forecast, "--output", run / "map.png")
    scores = json.loads(
        succeed("evaluate", checkpoint, "--lead-time", "12h", "--report", run / "report", "--json")
    )
    assert scores["starts"] == 18 or len(scores["starts"]) == 18
    report = (run / "report" / "report.html").read_text(encoding="utf-8")
    assert "://" not in report.replace("http://www.w3.org", "")  # pictures are base64, which has no colon
    assert "Copernicus" in report


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
            assert done.returncode == 2, (name, done.stdout)
            assert f"anemoi-plugin-{plugin}" in done.stderr or "blocked" in done.stderr, (name, done.stderr)
            assert "Traceback" not in done.stderr
        else:
            assert done.returncode == 0, (name, done.stderr)
    assert not (tmp_path / "run").exists() or "train" not in needed
    assert not (tmp_path / "forecast.zarr").exists() or "forecast" not in needed
