"""The benchmarks still run on the code that they measure: long ones by hand, the beginning of each here."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
OF_THE_PEER = {"layers.py", "model.py"}  # they import what its environment alone has


@pytest.fixture
def benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_what_the_benchmarks_import_is_there():
    paths = [str(each) for each in sorted(BENCHMARKS.glob("*.py")) if each.name not in OF_THE_PEER]
    load = f"import runpy; [runpy.run_path(path, run_name='imported') for path in {paths}]"
    done = subprocess.run(
        [sys.executable, "-c", load], cwd=BENCHMARKS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_reading_is_measured(benchmarks, tmp_path):
    from anemoi.core.grid import Grid
    from data import make, measure

    path = tmp_path / "data.zarr"
    latitudes = np.linspace(-80.0, 80.0, 30)
    make(path, Grid(latitudes, np.linspace(0.0, 350.0, 30)), 4, dates=40)
    for contender in ("ours", "turned"):
        found = measure(contender, str(path), 20_000_000, 4, 1)
        assert set(found) == {"open", "samples", "dates", "memory"}
        assert min(found["samples"]) >= 0
