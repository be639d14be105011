"""The callback plots shows what was forecast, and no fault of it ends a training."""

import json
import threading
from typing import ClassVar

import numpy as np
import pytest
import torch
from anemoi.core.grid import Grid
from anemoi_plugin_sample_data.sources import Sample
from anemoi_plugin_training import Moment, train
from PIL import Image

from anemoi_plugin_verification.plots import callback
from anemoi_plugin_verification.plots.callback import Plots
from anemoi_plugin_verification.plots.drawer import Drawer
from anemoi_plugin_verification.plots.spectra import Spectra

WORDS = [
    "graph.refinement=1",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.steps=4",
    "training.rollout_steps=0",
    "training.validation.every_steps=1",
    "training.validation.dates=2",
    "training.validation.rollout=2",
    "dates.end=2025-12-16T18",
    "dates.validation.start=2025-12-17",
    "callback=[plots]",
]


class Kept(Drawer):
    """Keeps drawings instead of making them."""

    drawings: ClassVar = []

    def draw(self, drawing):
        self.drawings.append(drawing)
        return True


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(callback, "Drawer", Kept)
    monkeypatch.setattr(Kept, "drawings", [])
    return Kept.drawings


def test_pictures_are_whole_and_trackers_have_them(tmp_path):
    train(*WORDS, "callbacks.plots.most=1", output=tmp_path / "run")
    names = [f"plots/00000004-{name}.png" for name in ("map-msl", "spectra", "errors")]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [each for each in record["artefacts"] if each.startswith("plots/")] == names
    assert sorted(path.name for path in (tmp_path / "run" / "plots").iterdir()) == sorted(
        name.partition("/")[2] for name in names
    )
    for name in names:
        with Image.open(tmp_path / "run" / name) as image:
            assert image.width > 500
            assert len(image.convert("RGB").getcolors(1 << 16)) > 10


def test_what_is_drawn_is_what_was_validated(tmp_path, kept, caplog):
    words = ["callbacks.plots.every=2", "callbacks.plots.variables=[msl]"]
    train(*WORDS, *words, output=tmp_path / "run")
    assert "cannot draw" not in caplog.text
    assert [drawing.step for drawing in kept] == [2, 4]
    forecast = kept[-1].forecasts["data"]
    source = Sample()
    hours = [lead // np.timedelta64(1, "h") for lead in forecast.lead_times]
    assert hours == [6, 12]
    truth = source.read(forecast.start + np.array(forecast.lead_times))[:, 0]  # (lead time, grid, variable)
    assert forecast.start == np.datetime64("2025-12-17T06")
    assert np.allclose(forecast.truths, truth, rtol=1e-6)
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert list(forecast.errors["msl"].values()) == [last[f"validation_rmse_msl_{hour}h"] for hour in hours]
    error = (forecast.forecasts[0][0] - truth[0])[:, 0].astype(np.float64)
    one = np.sqrt(np.average(error**2, weights=source.grid.areas))
    assert forecast.errors["msl"][forecast.lead_times[0]] == pytest.approx(one, rel=0.5)  # of two dates


@pytest.mark.parametrize(("most", "every", "drawn"), [(3, 1, [4, 7, 10]), (20, 3, [3, 6, 9, 10])])
def test_drawings_are_spread_over_the_steps(tmp_path, kept, most, every, drawn):
    plots = Plots(most=most, every=every)
    found = []
    for step in range(1, 11):
        moment = Moment(step, 10, torch.nn.Linear(1, 1), [], torch.Generator())
        if plots._is_due(moment):
            found.append(step)
        plots.after_step(moment, {"validation_loss": 1.0})
    assert found == drawn


def test_no_fault_of_a_drawing_ends_a_training(tmp_path, monkeypatch, caplog):
    begun = Plots.start

    def without_room(self, directory, record):
        (directory / "plots").write_text("in the way")
        begun(self, directory, record)

    monkeypatch.setattr(Plots, "start", without_room)
    path = train(*WORDS, "callbacks.plots.most=1", "callbacks.plots.variables=[tp]", output=tmp_path / "run")
    assert path.exists()
    assert caplog.text.count("The callback plots cannot draw everything") == 1
    assert "no domain forecasts tp" in caplog.text


def test_what_waits_for_the_process_is_bounded(tmp_path):
    release = threading.Event()

    class Slow(Drawer):
        def _draw(self, drawing):
            release.wait(30)
            return [drawing]

    drawer = Slow()
    assert [drawer.draw(number) for number in range(3)] == [True, True, False]
    release.set()
    drawer.close(30)
    assert drawer.done() == [0, 1]
    assert drawer.done() == []


def test_the_powers_of_a_wave_are_at_its_wavenumber_and_add_up():
    latitudes, longitudes = np.meshgrid(np.linspace(87.5, -87.5, 36), np.arange(72) * 5.0, indexing="ij")
    grid = Grid(latitudes.ravel(), longitudes.ravel())
    field = 3.0 * np.cos(np.deg2rad(4 * grid.longitudes))
    power = Spectra.of(grid).power(field[None].astype(np.float32))
    assert power.argmax() == 3
    assert power.sum() == pytest.approx(np.average(field**2, weights=grid.areas), rel=1e-4)
    assert Spectra.of(Grid(np.arange(9.0), np.arange(9.0) ** 2)) is None
