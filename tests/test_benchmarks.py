"""The benchmarks still run on the code that they measure: long ones by hand, the beginning of each here."""

import json
import subprocess
import sys
import time
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


def test_the_matrix_products_of_a_step_are_found_and_done_again(benchmarks, tmp_path, monkeypatch):
    import torch
    import training_floor

    recorder = training_floor.Recorder(tmp_path / "floor.json", time.time(), ("forward", "backward"))
    layer, values = torch.nn.Linear(8, 4), torch.randn(16, 8, requires_grad=True)
    with recorder.part("data"):
        values @ values.T
    with recorder.part("forward"):
        output = layer(values)
    with recorder.part("backward"):
        output.sum().backward()
    done = []
    monkeypatch.setattr(training_floor, "_shortest", lambda *call: done.append(_shapes(call)) or 1.0)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: None)
    recorder.write()
    found = json.loads((tmp_path / "floor.json").read_text())
    # One of the output, one of the gradient of the weight, one of that of the input.
    assert found["products"] * torch.get_num_threads() == 3
    assert sorted(done) == [[(4,), (16, 8), (8, 4)], [(4, 16), (16, 8)], [(16, 4), (4, 8)]]


def _shapes(call):
    return [tuple(each.shape) for each in call[1]]


def test_an_ensemble_is_held_against_a_deterministic_model_and_baselines(benchmarks, tmp_path):
    import ensembles

    def printed(name, **crps):
        each = [
            {"variable": variable, "units": "K", "lead_time_hours": hours, "spread-skill": {"model": spread}}
            | {"crps": {who: factor * value for who, value in crps.items()}}
            for variable, factor, spread in (("t", 1.0, 0.6), ("u", 10.0, 1.0))
            for hours in (6.0, 24.0)
        ]
        (tmp_path / name).write_text(json.dumps({"scores": each}))
        return ensembles.scores(tmp_path / name)

    many, one = printed("many.json", model=1.5, persistence=2.0), printed("one.json", model=1.0)
    listed, *_ = list(ensembles.by_variable(many, one, [6.0]))[2:]
    assert listed == "| `t`, K | 1.5 / 1 / 2; 0.60 |"
    of_one, of_persistence, spread = list(ensembles.over_variables(many, one, [24.0]))[2:]
    assert of_one.endswith("| 1.50, 0 of 2 |")
    assert of_persistence.endswith("| 0.75, 2 of 2 |")
    assert spread.endswith("| 0.80, 1 of 2 |")
