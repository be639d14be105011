from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest
import torch

from anemoi.core import forcings, forecast, load_checkpoint
from anemoi.core.checkpoint import build_model
from anemoi.core.errors import AnemoiError, CheckpointError, DataError, RequestError
from anemoi.core.forecasting import check_sources
from anemoi.core.forecasting.inputs import read
from anemoi.core.interfaces import hookimpl
from anemoi.core.plugins import Broadcast

START = np.datetime64("2020-01-02T06", "s")
SIX_HOURS = np.timedelta64(6 * 3600, "s")


@pytest.fixture
def tiny_source(tiny_plugin):
    from anemoi.core import plugins

    return plugins.load("source", "tiny")


def by_hand(checkpoint, source, start, steps):
    """The forecast with numbers in physical units between steps, and nothing but the model's forward."""
    model = build_model(checkpoint).eval()
    domain = checkpoint.domain
    columns = domain.columns(domain.outputs)
    mean, stdev = (
        each[columns].astype(np.float32) for each in (domain.statistics.mean, domain.statistics.stdev)
    )
    order = [source.variables.index(name) for name in domain.outputs]
    older, newer = source.read(np.array([start - SIX_HOURS, start]))[:, 0][..., order]
    out = []
    for step in range(steps):
        time = start + step * SIX_HOURS
        known = forcings.compute(
            checkpoint.configuration["forcings"],
            domain.grid.latitudes,
            domain.grid.longitudes,
            np.array([time - SIX_HOURS, time]),
        )
        states = np.stack([(older - mean) / stdev, (newer - mean) / stdev])
        fields = np.concatenate([states, known], axis=-1)[None, :, None]  # (1, 2, 1, grid, inputs)
        with torch.no_grad():
            new = model({"data": torch.from_numpy(fields)})["data"][0, 0, 0].numpy()
        older, newer = newer, new * stdev + mean
        out.append(newer)
    return np.stack(out)


def test_each_state_follows_from_the_last_two(make_checkpoint, tiny_source):
    checkpoint, source = make_checkpoint(), tiny_source()
    states = list(forecast(checkpoint, source, "2020-01-02T06", "30h"))
    assert [state.lead_time for state in states] == [n * SIX_HOURS for n in range(1, 6)]
    assert states[-1].valid_time == np.datetime64("2020-01-03T12", "s")
    assert states[0].fields.dtype == np.float32
    fields = np.stack([state.fields[0] for state in states])
    np.testing.assert_allclose(fields, by_hand(checkpoint, source, START, 5), rtol=1e-5, atol=1e-6)
    assert np.abs(fields[-1] - fields[0]).max() > 0.1  # it went somewhere


def test_it_is_computed_as_it_is_asked_for(make_checkpoint, tiny_source):
    states = iter(forecast(make_checkpoint(), tiny_source(), START, "200000d"))
    next(states)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_from_a_file_it_is_the_same_to_the_bit(make_checkpoint, checkpoint_file, tiny_source):
    one, other = (
        [state.fields for state in forecast(each, tiny_source(), START, "1d")]
        for each in (make_checkpoint(), checkpoint_file)
    )
    np.testing.assert_array_equal(one, other)
    assert load_checkpoint(checkpoint_file).identity.startswith("sha256:")


def test_it_needs_no_areas_of_cells_and_so_no_scipy(checkpoint_file, tiny_source, monkeypatch):
    monkeypatch.setitem(sys.modules, "anemoi.core.areas", None)
    assert len(list(forecast(checkpoint_file, tiny_source(), START, "12h"))) == 2


def test_members_of_an_ensemble_each_go_their_way(make_checkpoint, tiny_source):
    checkpoint, source = make_checkpoint(), tiny_source(ensemble=3)
    *_, state = forecast(checkpoint, source, START, "18h", members=2)
    assert state.fields.shape == (2, 4, 2)
    np.testing.assert_allclose(
        state.fields[0], by_hand(checkpoint, source, START, 3)[-1], rtol=1e-5, atol=1e-6
    )
    assert np.abs(state.fields[0] - state.fields[1]).max() > 0.01
    *_, one = forecast(checkpoint, source, START, "18h")
    np.testing.assert_array_equal(one.fields[0], state.fields[0])  # however many are asked for
    with pytest.raises(DataError, match="has 3 members"):
        forecast(checkpoint, source, START, "18h", members=4)


def test_members_that_would_all_be_the_same_are_refused(make_checkpoint, tiny_source):
    with pytest.raises(RequestError, match="All 3 members would be the same") as caught:
        forecast(make_checkpoint(), tiny_source(), START, "18h", members=3)
    for way in ("--perturb", "objective=ensemble", "source that has members"):
        assert way in caught.value.fix


def test_initial_states_are_a_copy_of_their_own(make_checkpoint, tiny_source):
    """As torch asks for; a field of one variable can be handed on as it is, and so it was once."""
    fields = read(tiny_source(), make_checkpoint().domain, ("ps",), START, members=1)
    assert fields.shape == (1, 4, 1)
    assert fields.flags.writeable
    assert fields.flags.c_contiguous


def test_every_mismatch_is_said_at_once(make_checkpoint, tiny_source):
    with pytest.raises(DataError) as caught:
        forecast(
            make_checkpoint(),
            tiny_source(names=["t", "q"], hours=3, points=5, unit_of_t="Pa"),
            "2019-12-31T12",
            "1d",
        )
    for word in (
        "no ps;",
        "t is in Pa, the checkpoint's in K",
        "4 points",
        "5 points",
        "6h apart",
        "3h apart",
        "2019-12-31T06 and 2019-12-31T12",
    ):
        assert word in str(caught.value)
    assert "run from 2020-01-01T00 to 2020-01-03T09 every 3h" in str(caught.value)


def test_every_date_is_looked_for_and_some_are_named(make_checkpoint, tiny_source):
    dates = [np.datetime64("2019-12-01", "s") + n * np.timedelta64(1, "D") for n in range(10)]
    with pytest.raises(DataError, match=r"no state at 2019-11-30T18, 2019-12-01T00, .* and 15 more; its"):
        check_sources(make_checkpoint(), {"data": tiny_source()}, dates)


def test_units_are_compared_where_both_are_known(make_checkpoint, tiny_source):
    domain = make_checkpoint().domain
    unknown = tuple(dataclasses.replace(variable, units=None) for variable in domain.variables)
    checkpoint = make_checkpoint(domains={"data": dataclasses.replace(domain, variables=unknown)})
    assert len(list(forecast(checkpoint, tiny_source(unit_of_t="degC"), START, "6h"))) == 1


@pytest.mark.parametrize(
    ("options", "date", "message"),
    [
        ({}, "2020-01-01T00", "no state at 2019-12-31T18;"),
        ({}, "2020-01-02T03", "no state at 2020-01-01T21 and 2020-01-02T03"),
        ({"gap": True}, "2020-01-03T00", "2020-01-02T18 is missing"),
        ({"nan": True}, "2020-01-03T00", r"not finite: t \(1 of 4\)"),
    ],
)
def test_initial_states_that_are_not_there(make_checkpoint, tiny_source, options, date, message):
    with pytest.raises(DataError, match=message):
        forecast(make_checkpoint(), tiny_source(**options), date, "1d")


@pytest.mark.parametrize("lead_time", ["0h", "7h", "3h", "tomorrow", "-6h", "6", "1.5d", ""])
def test_lead_times_that_are_none(make_checkpoint, tiny_source, lead_time):
    with pytest.raises(AnemoiError) as caught:
        forecast(make_checkpoint(), tiny_source(), START, lead_time)
    assert caught.value.fix


@pytest.mark.parametrize("date", ["yesterday", "2020-13-01", "", "2020-01-02T99"])
def test_dates_that_are_none(make_checkpoint, tiny_source, date):
    with pytest.raises(AnemoiError, match="is not a date"):
        forecast(make_checkpoint(), tiny_source(), date, "6h")


@pytest.mark.parametrize("date", ["2020-01-02T06:00Z", "2020-01-02 06:00:00", "2020-01-02T07:00+01:00"])
def test_dates_in_any_form_are_one(make_checkpoint, tiny_source, date):
    assert next(iter(forecast(make_checkpoint(), tiny_source(), date, "6h"))).start == START


def test_weights_that_are_not_the_model_s(make_checkpoint, tiny_source):
    weights = dict(make_checkpoint().weights)
    weights["network.processor.other"] = weights.pop("network.processor.inner.bias")
    weights["network.decoders.data.from_source.bias"] = torch.zeros(9)
    with pytest.raises(CheckpointError) as caught:
        forecast(make_checkpoint(weights=weights), tiny_source(), START, "6h")
    for line in (
        "missing: network.processor.inner.bias",
        "not in the model: network.processor.other",
        "shape (9,), the model (2,)",
    ):
        assert line in str(caught.value)


def test_the_description_is_of_the_states_to_come(make_checkpoint, tiny_source):
    checkpoint = make_checkpoint(identity="sha256:me")
    made = forecast(checkpoint, tiny_source(ensemble=2), START, "1d", members=2)
    described, states = made.description, list(made)
    np.testing.assert_array_equal(described.lead_times, [state.lead_time for state in states])
    assert states[0].fields.shape == (described.members, len(described.grid), len(described.variables))
    again = forecast(checkpoint, tiny_source(ensemble=2), START, "1d", members=2).description
    assert described.provenance["identity"] != again.provenance["identity"]
    parents = described.provenance["parents"]
    assert [parent["identity"] for parent in parents] == ["sha256:me", "tiny-data"]
    assert parents[0]["parents"] == [{"kind": "dataset", "identity": "tiny-data"}]


class Watcher:
    def __init__(self):
        self.heard = []

    @hookimpl
    def forecast_started(self, forecast):
        self.heard.append(("started", forecast.members))

    @hookimpl
    def forecast_step(self, forecast, state):
        self.heard.append(("step", state.lead_time))

    @hookimpl
    def forecast_finished(self, status):
        self.heard.append(("finished", status))


@pytest.fixture
def watcher(monkeypatch):
    watcher = Watcher()
    monkeypatch.setattr("anemoi.core.forecasting.rollout.hooks", lambda: Broadcast({"the watcher": watcher}))
    return watcher


def test_hooks_hear_of_each_state(make_checkpoint, tiny_source, watcher):
    for _ in forecast(make_checkpoint(), tiny_source(), START, "12h"):
        pass
    assert watcher.heard == [
        ("started", 1),
        ("step", SIX_HOURS),
        ("step", 2 * SIX_HOURS),
        ("finished", "finished"),
    ]


def test_hooks_hear_of_a_forecast_that_was_left(make_checkpoint, tiny_source, watcher):
    states = iter(forecast(make_checkpoint(), tiny_source(), START, "12h"))
    next(states)
    states.close()
    assert watcher.heard == [("started", 1), ("finished", "interrupted")]
