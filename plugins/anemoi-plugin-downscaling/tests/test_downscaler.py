"""The objective ``downscaler``, trained for a few steps on a region of the sample data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from anemoi.core import config, forecast
from anemoi.core.checkpoint import build_model, load, save
from anemoi.core.cli.main import main
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi_plugin_training import prepare, train
from scipy.interpolate import RegularGridInterpolator

from anemoi_plugin_downscaling.downscaler import Downscaler

HOUR = np.timedelta64(3600, "s")
SMALL = (
    "+experiment=regional-downscaler",
    "domains.fine.data.area=[60,-30,25,15]",
    *(f"domains.{name}.data.select=[t_835,tp,z_sfc,sst]" for name in ("fine", "coarse")),
    *(f"domains.{name}.data.drop=null" for name in ("fine", "coarse")),
    "domains.fine.variables.diagnostic=[t_835,sst]",
    "domains.fine.transforms.bounding.relu=[tp]",
    "dates.end=2000-03-08T00",
    "graph.nodes.hidden.refinement=2",
    "model.channels=8",
    "model.processor.num_layers=1",
    "training.device=cpu",
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


def test_a_network_that_gives_nothing_interpolates_linearly(checkpoint, sources):
    model = build_model(checkpoint)
    fine, coarse = checkpoint.domains["fine"], sources["coarse"]
    zero = {"fine": torch.zeros(1, 1, 1, len(fine.grid), len(fine.outputs))}
    model.network.forward = lambda fields: zero
    (state,) = forecast(checkpoint, sources, "2000-03-20", "6h", model=model)
    assert (state.domain, state.valid_time) == ("fine", np.datetime64("2000-03-20T06"))
    shape = coarse.grid.field_shape
    north, east = coarse.grid.latitudes.reshape(shape)[:, 0], coarse.grid.longitudes.reshape(shape)[0]
    east = (east + 180.0) % 360.0  # the region lies about the meridian
    columns = np.argsort(east)
    fields = coarse.read([state.valid_time])[0, 0].reshape(*shape, -1)[:, columns]
    places = np.stack([-fine.grid.latitudes, (fine.grid.longitudes + 180.0) % 360.0], axis=-1)
    for place, name in enumerate(fine.outputs):
        if name != "sst":
            field = fields[..., coarse.variables.index(name)]
            wanted = RegularGridInterpolator((-north, east[columns]), field)(places)
            spread = fine.statistics.stdev[fine.names.index(name)]
            np.testing.assert_allclose(state.fields[0, :, place], wanted, rtol=0, atol=1e-5 * spread)


def test_each_lead_time_is_of_the_coarse_fields_at_that_time(checkpoint, sources):
    hours = {
        name: [[int(each / HOUR) for each in part] for part in (steps.inputs, steps.outputs)]
        for name, steps in checkpoint.steps.items()
    }
    assert hours == {"coarse": [[6], []], "fine": [[6], [6]]}
    later = list(forecast(checkpoint, sources, "2000-03-20", "12h"))[1]
    (alone,) = forecast(checkpoint, sources, "2000-03-20T06", "6h")
    assert later.valid_time == alone.valid_time
    np.testing.assert_array_equal(later.fields, alone.fields)


def test_fine_fields_need_no_fine_state(checkpoint, sources):
    """The fine source is asked for nothing: constants are in the checkpoint."""

    class Silent(type(sources["fine"])):
        def read(self, times):
            raise AssertionError("a fine state was read")

    silent = object.__new__(Silent)
    silent.__dict__ = sources["fine"].__dict__
    states = list(forecast(checkpoint, {**sources, "fine": silent}, "2000-03-20", "12h"))
    assert len(states) == 2
    assert (np.concatenate([state.fields for state in states])[..., 1] >= 0).all()


def test_what_is_missing_is_so_in_the_fine_fields(checkpoint, sources):
    (state,) = forecast(checkpoint, sources, "2000-03-20", "6h")
    fine = checkpoint.domains["fine"]
    made = state.fields[0, :, fine.outputs.index("sst")]
    np.testing.assert_array_equal(np.isnan(made), fine.missing["sst"])
    assert 0 < np.isnan(made).sum() < len(made)


def test_what_the_network_is_given_on_the_fine_grid(checkpoint):
    model = build_model(checkpoint)
    domains = model.objective.network_domains(model.normalised)
    forcings = [name for name in domains["fine"].inputs if name not in model.normalised["fine"].inputs]
    assert forcings == ["interpolated_t_835", "interpolated_tp", "interpolated_sst"]
    assert domains["fine"].outputs == ("t_835", "tp", "sst")


def refused(*words):
    with pytest.raises(AnemoiError) as caught:
        prepare(config.compose("train", [*SMALL, "training.steps=1", *words]))
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["domains.fine.variables.diagnostic=[sst]"], "domains.fine: t_835 would be read before it is made"),
        (["domains.coarse.variables.forcing=[sst]"], "domains.coarse: t_835, tp would be forecast"),
        (["domains.coarse.data.select=[t_835,sst,z_sfc]"], "domains.coarse has no tp"),
        (["domains.coarse.data.area=[60,-15,25,15]"], "do not cover the fine grid"),
        (["objective.coarse=large"], "needs a domain large: the domains are coarse, fine"),
        (["objective.added=[w_500]"], "objective.added names w_500, which no fine domain has"),
        (["domains.coarse.frequency=4h"], "cannot be held for 4h"),
        (["+objective.input_steps=2"], "objective.input_steps"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_read(words, reason):
    assert reason in refused(*words)


def test_one_domain_is_refused():
    with pytest.raises(ConfigError, match="needs a fine domain: the domains are coarse"):
        Downscaler().steps({"coarse": 6 * HOUR})
    with pytest.raises(ConfigError, match="needs a domain coarse: the domains are data"):
        Downscaler().steps({"data": 6 * HOUR})


def test_states_of_different_times_are_refused():
    with pytest.raises(ConfigError, match="states of fine are 4h apart, and others 6h"):
        Downscaler().steps({"coarse": 6 * HOUR, "fine": 4 * HOUR})


def test_what_the_coarse_fields_lack_can_be_the_networks_own(tmp_path):
    words = ["domains.coarse.data.select=[t_835,sst,z_sfc]", "objective.added=[tp]", "training.steps=1"]
    made = load(train(*SMALL, *words, output=tmp_path / "run"))
    model = build_model(made)
    domains = model.objective.network_domains(model.normalised)
    assert "interpolated_tp" not in domains["fine"].inputs
    own = torch.full((1, 1, 1, len(made.domains["fine"].grid), 3), 0.5)
    model.network.forward = lambda fields: {"fine": own}
    inputs = {
        name: torch.zeros(1, 1, 1, len(domain.grid), len(domain.inputs))
        for name, domain in model.normalised.items()
    }
    outputs = model.advance(inputs, torch.Generator())["fine"]
    place = made.domains["fine"].outputs.index("tp")
    torch.testing.assert_close(outputs[..., place], model.enforce({"fine": own})["fine"][..., place])


def test_a_forecast_of_coarse_fields_becomes_a_fine_file(checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "model.safetensors", checkpoint)
    words = ["--date", "2000-03-20", "--lead-time", "12h", "--output", "fine.zarr"]
    assert main(["forecast", "model.safetensors", *words]) == 0, capsys.readouterr().err
    assert (tmp_path / "fine.zarr").exists()
