"""Checkpoints of earlier lines forecast what they forecast then.

``checkpoints/VERSION.safetensors`` was trained by that release on sample-atmosphere for 40 steps, and
``VERSION.npz`` has the forecast of five days that the same release made with it, at every 37th point: ``fields`` in
float32, as the command does, and ``double`` by its model in float64, which tells rounding from all else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from anemoi.core import forcings, forecast, plugins
from anemoi.core.checkpoint import FORMAT_VERSION, DifferentVersionWarning, build_model, inspect, load, save
from anemoi.core.cli import main
from anemoi.core.errors import CheckpointError

CHECKPOINTS = Path(__file__).parent / "checkpoints"
VERSIONS = sorted(path.stem for path in CHECKPOINTS.glob("*.safetensors"))
START, LEAD_TIME, EVERY = "2000-08-10T00", "5d", 37

# Newer releases of its plugins will do, without a word.
pytestmark = pytest.mark.filterwarnings(
    f"error::{DifferentVersionWarning.__module__}.DifferentVersionWarning"
)


@pytest.fixture(scope="module")
def source():
    return plugins.load("source", "sample-atmosphere")()


@pytest.fixture(params=VERSIONS)
def path(request):
    return CHECKPOINTS / f"{request.param}.safetensors"


def made(path, source, lead_time=LEAD_TIME):
    states = forecast(path, source, START, lead_time)
    return np.stack([state.fields[0] for state in states])


def test_both_releases_of_the_line_are_here():
    assert VERSIONS == ["0.1.0", "0.1.1"]


def test_it_forecasts_what_it_forecast_then(path, source):
    """Every variable, at every step, as far as float32 can tell.

    On the processor that they were recorded on they are the same to the bit. Another sums in another order: its
    forecast may be as far from the recorded one as that is from the one in float64, and twice for chance.
    """
    fields, expected = made(path, source)[:, ::EVERY], recorded(path, "fields")
    stdev = stdev_of(load(path))
    assert fields.shape == expected.shape == (20, 125, 9)
    errors = np.abs(fields - expected).max(axis=1) / stdev
    rounding = np.abs(recorded(path, "double") - expected).max(axis=1) / stdev
    assert errors.max() < 2 * rounding.max() < 1.5e-5
    assert (np.abs(expected[-1] - expected[0]).max(axis=0) / stdev).min() > 0.1  # it went somewhere


def test_without_rounding_it_is_the_same_function(path, source):
    """The model and its transforms in float64, step after step, far within a millionth of a standard deviation."""
    checkpoint = load(path)
    domain = checkpoint.domain
    model = build_model(checkpoint).eval().double()
    columns = [source.variables.index(name) for name in domain.prognostic]
    start, step = np.datetime64(START, "s"), np.timedelta64(6, "h")
    initial = source.read(np.array([start - step, start]))[:, 0][..., columns]
    states = [
        *model.normalise("data", torch.from_numpy(initial).double(), domain.prognostic)
    ]  # (grid, variable)
    found = []
    for number in range(20):
        times = start + np.array([number - 1, number]) * step
        known = forcings.compute(domain.forcings, domain.grid.latitudes, domain.grid.longitudes, times)
        inputs = torch.cat([torch.stack(states), torch.from_numpy(known).double()], dim=-1)[None, :, None]
        with torch.inference_mode():
            new = model({"data": inputs})["data"][0, 0, 0]
            found.append(model.denormalise("data", new[None])[0, ::EVERY].numpy())
        states = [states[1], new]
    errors = np.abs(np.stack(found) - recorded(path, "double")).max(axis=1) / stdev_of(checkpoint)
    assert errors.max() < 1e-9


def recorded(path, name):
    with np.load(path.with_suffix(".npz")) as file:
        return file[name]


def stdev_of(checkpoint):
    domain = checkpoint.domain
    return domain.statistics.stdev[domain.columns(domain.outputs)]


def test_the_commands_tell_what_it_is_and_needs(path, capsys):
    assert main(["checkpoint", "inspect", str(path)]) == 0
    out = capsys.readouterr().out
    for words in (
        "encoder-processor-decoder (transformer + transformer + transformer); 13,977 parameters",
        "forecasts   u_510 [m s-1]",
        "computed    cos_latitude",
        "step        6h: from -6h, 0h to +6h",
        "4608 points (48 x 96)",
        "checkpoint format 1",
    ):
        assert words in out
    assert main(["checkpoint", "requirements", str(path)]) == 0
    told = capsys.readouterr().out.split()
    assert told == [f"anemoi-core=={path.stem}", "anemoi-plugin-transformer==0.1.0"]


def test_saved_again_it_forecasts_the_same_to_the_bit(path, source, tmp_path):
    saved = save(tmp_path / "new.safetensors", load(path))
    assert (inspect(path).format_version, inspect(saved.path).format_version) == (1, FORMAT_VERSION)
    np.testing.assert_array_equal(made(saved.path, source, "1d"), made(path, source, "1d"))


def test_a_plugin_that_is_absent_is_one_clear_error(path, monkeypatch):
    there = plugins.components()
    monkeypatch.setattr(
        plugins,
        "components",
        lambda kind=None: [one for one in there if "transformer" not in one.distribution],
    )
    with pytest.raises(CheckpointError) as caught:
        build_model(load(path))
    assert "processor 'transformer' of anemoi-plugin-transformer 0.1.0 is not installed" in caught.value.what
    assert caught.value.fix == "pip install 'anemoi-plugin-transformer==0.1.0'"
