"""Data sets as centres have them, trained and forecast with nothing to type but their name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anemoi.core import forecast, load_checkpoint, plugins
from anemoi.core.errors import DataError
from anemoi_plugin_training import train

ROOT = Path(__file__).parents[1]
PEER = ROOT / "plugins/anemoi-plugin-zarr/tests/data/roles.zarr.zip"
"""Made by anemoi-datasets, with computed forcings, a constant, accumulations, an average and NaNs."""

TINY = ["graph.refinement=1", "training.steps=2", "training.rollout_steps=1", "training.warmup_steps=1"]
SMALL = [*TINY, "model.channels=8", "model.processor.num_layers=1"]


def source(name, **options):
    return plugins.load("source", name)(**options)


class Without:
    """A source that lacks some variables."""

    def __new__(cls, inner, absent):
        kept = [name for name in inner.variables if name not in absent]
        columns = [inner.variables.index(name) for name in kept]

        class Lacking(type(inner)):
            variables = property(lambda self: tuple(kept))
            metadata = property(lambda self: {name: inner.metadata[name] for name in kept})
            units = property(lambda self: {name: inner.units[name] for name in kept if name in inner.units})

            def __init__(self):
                self.__dict__.update(inner.__dict__)

            def read(self, times):
                return inner.read(times)[..., columns]

        return Lacking()


def fields_by_name(checkpoint, state):
    outputs = checkpoint.domains[state.domain].outputs
    return dict(zip(outputs, np.moveaxis(state.fields, -1, 0), strict=True))


@pytest.fixture(scope="module")
def earth(tmp_path_factory):
    return load_checkpoint(
        train("data=sample-earth", *SMALL, output=tmp_path_factory.mktemp("earth") / "run")
    )


def test_the_sample_earth_says_itself_what_its_variables_are_for(earth):
    domain = earth.domain
    assert domain.diagnostic == ("tp",)
    assert set(domain.constants) == {"lsm", "z_sfc"}
    assert {"2t", "z_510", "sst", "ci"} < set(domain.prognostic)
    assert sorted(domain.missing) == ["ci", "sst"]


def test_a_forecast_starts_without_rain_and_keeps_its_bounds_and_its_land(earth):
    whole = source("sample-earth")
    land = np.isnan(whole.read(whole.times[:1])[0, 0, :, whole.variables.index("sst")])
    states = list(forecast(earth, Without(whole, {"tp", "lsm", "z_sfc"}), "2000-05-10T00", "5d"))
    assert len(states) == 20
    for state in states:
        fields = fields_by_name(earth, state)
        assert fields["tp"].min() >= 0
        assert np.array_equal(np.isnan(fields["sst"][0]), land)
        assert np.array_equal(np.isnan(fields["ci"][0]), land)
        assert 0 <= np.nanmin(fields["ci"]) <= np.nanmax(fields["ci"]) <= 1
        others = set(fields) - {"sst", "ci"}
        assert all(np.isfinite(fields[name]).all() for name in others)


def test_all_that_a_source_lacks_is_told_at_once(earth):
    lacking = Without(source("sample-earth"), {"2t", "z_510"})
    with pytest.raises(DataError, match=r"it has no z_510, 2t; it has(.|\n)*no state at 2000-05-25T18 and"):
        forecast(earth, lacking, "2000-05-26T00", "24h")


def test_a_sea_surface_that_is_prescribed_is_read_at_every_step_or_persisted(tmp_path):
    words = ["data=sample-earth", "variables.forcing=[sst,ci]", "~transforms.bounding.hardtanh", *SMALL]
    checkpoint = load_checkpoint(train(*words, output=tmp_path / "run"))
    assert "sst" not in checkpoint.domain.outputs
    whole = source("sample-earth")
    last = whole.times[-1]
    with pytest.raises(DataError, match="forcings read at every step, unless persisted: sst, ci"):
        forecast(checkpoint, whole, last, "24h")
    states = list(forecast(checkpoint, whole, last, "24h", persist=["sst", "ci"]))
    assert all(np.isfinite(state.fields).all() for state in states)


def test_a_data_set_of_anemoi_datasets_trains_and_forecasts_with_no_option_dropped(tmp_path):
    words = ["data=zarr", f"data.path={PEER}", "dates.end=null", *SMALL]
    checkpoint = load_checkpoint(train(*words, output=tmp_path / "run"))
    domain = checkpoint.domain
    assert domain.prognostic == ("sst", "t_500", "t_850")
    assert domain.diagnostic == ("10fg", "avg_sdswrf", "tp")
    assert {name for name in domain.forcings if domain[name].computed} > {"cos_latitude", "insolation"}
    assert list(domain.constants) == ["lsm"]
    (state,) = forecast(checkpoint, source("zarr", path=str(PEER)), "2020-02-27T06", "6h")
    assert np.isfinite(fields_by_name(checkpoint, state)["t_850"]).all()


@pytest.fixture(scope="module")
def coupled(tmp_path_factory):
    directory = tmp_path_factory.mktemp("coupled") / "run"
    return load_checkpoint(train("data=sample-earth-coupled", *SMALL, output=directory))


def test_atmosphere_and_ocean_are_forecast_together_each_on_its_own_grid(coupled):
    assert [len(domain.grid) for domain in coupled.domains.values()] == [4608, 4050]
    assert set(coupled.graph.nodes) == {"atmosphere", "ocean", "hidden"}
    sources = {"atmosphere": source("sample-earth"), "ocean": source("sample-earth-ocean")}
    states = list(forecast(coupled, sources, "2000-05-10T00", "12h"))
    assert [(state.lead_time.astype(int) // 3600, state.domain) for state in states] == [
        (6, "atmosphere"),
        (6, "ocean"),
        (12, "atmosphere"),
        (12, "ocean"),
    ]
    ocean = fields_by_name(coupled, states[3])
    assert 0 <= np.nanmin(ocean["ci"]) <= np.nanmax(ocean["ci"]) <= 1
    # What the ocean does reaches the atmosphere on the hidden mesh.
    warmer = {**sources, "ocean": _Warmer()}
    other = list(forecast(coupled, warmer, "2000-05-10T00", "12h"))
    assert not np.array_equal(states[0].fields, other[0].fields)


class _Warmer:
    def __new__(cls):
        inner = source("sample-earth-ocean")

        class Warmer(type(inner)):
            def __init__(self):
                self.__dict__.update(inner.__dict__)

            def read(self, times):
                fields = inner.read(times).copy()
                fields[..., inner.variables.index("sst")] += 5
                return fields

        return Warmer()


NAMES = {"atmosphere": "sample-earth", "ocean": "sample-earth-ocean"}


@pytest.mark.parametrize(("slow", "fast"), [("ocean", "atmosphere"), ("atmosphere", "ocean")])
def test_each_can_be_the_others_forcing_at_its_own_frequency(tmp_path, slow, fast):
    daily = f"{{name: subset, source: {{name: {NAMES[slow]}}}, frequency: 24h}}"
    words = [
        "data=sample-earth-coupled",
        f"domains.{slow}.data={daily}",
        f"domains.{slow}.frequency=6h",
        f"+domains.{slow}.variables.forcing=['*']",
        f"~domains.{slow}.transforms.bounding",
        *(["~domains.atmosphere.variables.drop"] if slow == "atmosphere" else []),
        *SMALL,
    ]
    checkpoint = load_checkpoint(train(*words, output=tmp_path / "run"))
    assert not checkpoint.domains[slow].outputs
    assert checkpoint.steps[fast].step == np.timedelta64(6, "h")
    given = {
        fast: source(NAMES[fast]),
        slow: source("subset", source={"name": NAMES[slow]}, frequency="24h"),
    }
    states = list(forecast(checkpoint, given, "2000-05-10T06", "2d"))
    assert [state.domain for state in states] == [fast] * 8
