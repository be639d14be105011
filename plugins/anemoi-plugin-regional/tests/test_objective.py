"""The objective ``limited-area``, trained for a few steps on a region of the sample data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from anemoi.core import config, forecast
from anemoi.core.checkpoint import load
from anemoi.core.cli.main import main
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi_plugin_training import prepare, train

from anemoi_plugin_regional.objective import LimitedArea
from anemoi_plugin_regional.rim import rim_of

HOUR = np.timedelta64(3600, "s")
SMALL = (
    "+experiment=limited-area",
    "domains.region.data.area=[60,-30,25,15]",
    *(f"domains.{name}.data.select=[t_835,u_835,tp,z_sfc]" for name in ("region", "boundary")),
    *(f"domains.{name}.data.drop=null" for name in ("region", "boundary")),
    "domains.region.transforms.bounding.relu=[tp]",
    "dates.end=2000-03-08T00",
    "graph.nodes.hidden.refinement=2",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.device=cpu",
    "training.rollout_steps=2",
    "training.rollout=2",
)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return load(train(*SMALL, "training.steps=4", output=tmp_path_factory.mktemp("run") / "run"))


@pytest.fixture(scope="module")
def sources(checkpoint):
    domains = checkpoint.configuration["domains"]
    return {name: config.build("source", domain["data"]) for name, domain in domains.items()}


def test_a_forecast_holds_the_boundary_on_the_rim_and_its_own_inside(checkpoint, sources):
    states = list(forecast(checkpoint, sources, "2000-03-20", "12h"))
    region, around = checkpoint.domains["region"], sources["boundary"]
    rim = rim_of(region, 2)
    assert (len(region.grid), rim.sum()) == (9 * 13, 9 * 13 - 5 * 9)
    chords = np.linalg.norm(region.grid.positions[rim][:, None] - around.grid.positions, axis=-1)
    near = np.argsort(chords, axis=1)[:, :4]
    shares = np.take_along_axis(np.maximum(chords, 1e-7), near, axis=1) ** -2.0
    shares /= shares.sum(axis=1, keepdims=True)
    assert [state.domain for state in states] == ["region", "region"]
    for state in states:
        [there] = around.read([state.valid_time])[0]
        for place, name in enumerate(region.outputs):
            wanted = (there[near, around.variables.index(name)] * shares).sum(axis=1)
            spread = region.statistics.stdev[region.names.index(name)]
            np.testing.assert_allclose(state.fields[0, rim, place], wanted, atol=1e-4 * spread)
        inside = state.fields[0, ~rim, region.outputs.index("t_835")]
        assert inside.std() > 0.1


def test_the_interior_hears_the_boundary_at_both_ends_of_a_step(checkpoint):
    hours = {
        name: [[int(each / HOUR) for each in part] for part in (steps.inputs, steps.outputs)]
        for name, steps in checkpoint.steps.items()
    }
    assert hours == {"region": [[-6, 0], [6]], "boundary": [[0, 6], []]}


def test_an_error_on_the_rim_costs_nothing():
    training = prepare(config.compose("train", SMALL))
    domain = training.data["region"].domain
    rim = torch.from_numpy(rim_of(domain, 2))
    truth = {"region": torch.randn(1, 1, 1, len(domain.grid), len(domain.outputs))}
    for where, costs in ((rim, False), (~rim, True)):
        wrong = truth["region"].clone()
        wrong[..., where, :] += 1
        assert (training.criterion({"region": wrong}, truth) > 0) == costs


def test_a_boundary_that_ends_too_early_is_told_before_anything_runs(checkpoint, sources):
    short = dict(checkpoint.configuration["domains"]["boundary"]["data"], end="2000-03-20T06")
    with pytest.raises(DataError, match="boundary: it has no state at 2000-03-20T12"):
        forecast(checkpoint, {**sources, "boundary": config.build("source", short)}, "2000-03-20", "12h")


def test_a_forecast_takes_its_boundary_from_the_command_line(checkpoint, tmp_path, capsys):
    output = tmp_path / "forecast.zarr"
    words = ["forecast", str(checkpoint.path), "--date", "2000-03-20", "--lead-time", "12h"]
    words += ["--output", str(output), "--boundary"]
    assert main([*words, "end=2000-03-20T06"]) == 3
    assert "boundary: it has no state at 2000-03-20T12" in capsys.readouterr().err
    assert not output.exists()
    assert main([*words, "end=2000-03-21"]) == 0
    assert "at 117 points" in capsys.readouterr().out  # of the region alone


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "domains.boundary.data.area=[85,-85,45,70]",
            r"does not cover the rim of region: \d+ of its",
        ),
        ("objective.rim=5", "leaves none of the 117 points"),
        ("objective.boundary=around", "no domain around: the domains are region, boundary"),
        (
            "domains.boundary.variables.forcing=[tp]",
            "u_835 would be forecast, but the boundary is",
        ),
        ("domains.boundary.data.select=[t_835,z_sfc]", "domains.boundary has no u_835"),
    ],
)
def test_a_boundary_that_cannot_be_one_is_told(change, message):
    with pytest.raises(AnemoiError, match=message):
        prepare(config.compose("train", (*SMALL, change)))


def test_a_boundary_that_lags_behind_is_told():
    with pytest.raises(ConfigError, match="boundary has no state at 6h, for which region is forecast"):
        LimitedArea().steps({"region": 6 * HOUR, "boundary": 12 * HOUR})
    held = LimitedArea().steps({"region": 12 * HOUR, "boundary": 6 * HOUR})
    assert [int(each / HOUR) for each in held["boundary"].inputs] == [0, 6, 12]


def test_a_negative_rim_is_told():
    with pytest.raises(ConfigError, match="rim is -1"):
        LimitedArea(rim=-1)
