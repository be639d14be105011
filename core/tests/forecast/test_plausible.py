"""A forecast whose numbers cannot be weather does not start, or stops, and what it made before is whole."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from anemoi.core import forecast
from anemoi.core.cli import main
from anemoi.core.domain import Statistics
from anemoi.core.errors import ConfigError, DataError, ImplausibleError
from anemoi.core.forecasting import Destination, Forecast, prepare
from anemoi.core.forecasting.plausible import StepCheck
from anemoi.core.interfaces.output import State
from anemoi.core.variable import Variable

START = "2020-01-02T06"
SIX_HOURS = np.timedelta64(6, "h")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def broken(monkeypatch):
    """From the third step on, the second output is a number of choice at the third point."""

    def break_(value):
        steps, real = [], Forecast._advance

        @torch.inference_mode()
        def advance(self, number):
            outputs = {name: each.clone() for name, each in real(self, number).items()}
            steps.append(number)
            if number >= 2:
                outputs["data"][..., 2, 1] = value
            return outputs

        monkeypatch.setattr(Forecast, "_advance", advance)
        return steps

    return break_


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_it_stops_at_the_step_the_variable_and_the_place(make_checkpoint, built, broken, value):
    broken(value)
    seen = []
    with pytest.raises(ImplausibleError) as caught:
        seen.extend(
            state.lead_time for state in forecast(make_checkpoint(), built[2](), START, "24h", model=built[0])
        )
    assert seen == [SIX_HOURS, 2 * SIX_HOURS]
    assert caught.value.lead_time == 3 * SIX_HOURS
    for words in ("from 2020-01-02T06", "at 18h (step 3)", "ps is ", "latitude -20, longitude 180"):
        assert words in caught.value.what
    assert caught.value.exit_code == 7


@pytest.mark.parametrize("restart", [False, True])
def test_the_steps_before_are_whole_in_every_file(make_checkpoint, built, broken, tmp_path, restart):
    model, output, tiny = built
    checkpoint = make_checkpoint(identity="sha256:me")
    truth = [state.fields for state in forecast(checkpoint, tiny(), START, "12h", model=model)]
    steps = broken(np.nan)
    paths = [Destination(str(tmp_path / path), output) for path in ("a.npz", "b.npz", "{lead_time}.npz")]
    batch = prepare(checkpoint, tiny(), [START], paths, "24h", model=model, restart=restart)
    with pytest.raises(ImplausibleError, match=r"Written with the states before it: .*6h\.npz.*a\.npz"):
        list(batch.run())
    assert names(tmp_path) == ["12h.npz", "6h.npz", "a.npz", "b.npz"]
    for name, states in (("a", truth), ("b", truth), ("6h", truth[:1]), ("12h", truth[1:])):
        with np.load(tmp_path / f"{name}.npz") as file:
            np.testing.assert_array_equal(file["fields"], np.stack(states))
            stopped = json.loads(str(file["provenance"])).get("stopped", "")
            assert ("ps is nan" in stopped) == (name in "ab")
    assert steps == [0, 1, 2] + ([] if restart else [0, 1])  # the journal knows the states


def test_at_the_first_step_no_file_is_written(make_checkpoint, built, tmp_path):
    _, output, tiny = built
    checkpoint = make_checkpoint()
    weights = {name: torch.full_like(each, torch.nan) for name, each in checkpoint.weights.items()}
    checkpoint = dataclasses.replace(checkpoint, weights=weights)
    batch = prepare(checkpoint, tiny(), [START], [Destination(str(tmp_path / "a.npz"), output)], "24h")
    with pytest.raises(
        ImplausibleError, match=r"(?s)step 1.*4 of 4 values are not finite.*No file was written"
    ):
        list(batch.run())
    assert names(tmp_path) == []


def test_on_the_command_line_it_has_its_exit_code(checkpoint_file, broken, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    broken(1e3)
    words = ["forecast", str(checkpoint_file), "--date", START, "--lead-time", "24h", "--output", "a.npz"]
    assert main(words) == 7
    error = capsys.readouterr().err
    assert "the training had -3 to 3, and 10 times that range is -30 to 30" in error
    assert "--limit" in error
    assert np.load("a.npz")["lead_times"].tolist() == [SIX_HOURS, 2 * SIX_HOURS]
    assert main([*words, "--overwrite", "--limit", "inf"]) == 0


@pytest.fixture
def checked(tiny):
    """Check fields ``(ensemble, grid, (sst, t))``."""

    def check(fields, limit=10.0, **about):
        about = {"missing": {"sst": np.array([True, False, False, False])}, **about}
        domain = tiny.domain(Variable("sst", may_be_missing=True), "t", **about)
        state = State(np.datetime64("2020-01-01", "s"), SIX_HOURS, np.array(fields, np.float32))
        StepCheck(domain, limit).check(state, 1)

    return check


def test_what_is_missing_by_the_checkpoint_may_be_so_there_alone(checked):
    good = np.zeros((1, 4, 2))
    good[0, 0, 0] = np.nan
    checked(good)
    for point, column in ((1, 0), (0, 1)):
        bad = good.copy()
        bad[0, point, column] = np.nan
        with pytest.raises(ImplausibleError, match="1 of 4 values are not finite"):
            checked(bad)
    bad = np.zeros((1, 4, 2))
    bad[0, 0, 0] = np.inf
    with pytest.raises(ImplausibleError, match="sst is inf"):
        checked(bad)


def test_where_it_may_be_missing_is_unknown_it_may_not_be_so_everywhere(checked):
    some = np.zeros((1, 4, 2))
    some[0, 1:, 0] = np.nan
    checked(some, missing={})
    some[0, :, 0] = np.nan
    with pytest.raises(ImplausibleError, match="4 of 4"):
        checked(some, missing={})


def test_the_limit_is_a_multiple_of_the_range_of_the_training(checked):
    """From -3 to 3."""
    for limit, value in ((10, 29.9), (10, -29.9), (2, 5.9), (np.inf, 1e30)):
        checked(np.full((2, 4, 2), value), limit)
    for limit, value in ((10, 30.1), (10, -30.1), (2, 6.1), (2, -6.1)):
        fields = np.zeros((2, 4, 2))
        fields[1, 2, 1] = value
        with pytest.raises(
            ImplausibleError, match=f"t is {value:g} at latitude -20, longitude 180, member 1"
        ):
            checked(fields, limit)


@pytest.fixture
def elsewhere(make_checkpoint):
    """A checkpoint of a training whose t was about 280, with a standard deviation of 20."""
    checkpoint = make_checkpoint()
    domain = checkpoint.domains["data"]
    place = domain.names.index("t")

    def put(values, value):
        return np.where(np.arange(len(values)) == place, value, values)

    known = domain.statistics
    statistics = Statistics(
        put(known.mean, 280), put(known.stdev, 20), put(known.minimum, 200), put(known.maximum, 320)
    )
    return dataclasses.replace(
        checkpoint, domains={"data": dataclasses.replace(domain, statistics=statistics)}
    )


def test_a_state_unlike_the_training_is_refused_with_both_numbers(elsewhere, tiny):
    with pytest.raises(DataError) as caught:
        forecast(elsewhere, tiny.source(), START, "6h")
    for words in ("2020-01-02T00", "t has a mean of ", "in the training 280", "standard deviation of 20"):
        assert words in caught.value.what
    assert "ps" not in caught.value.what
    assert "--allow-unusual t" in caught.value.fix
    assert forecast(elsewhere, tiny.source(), START, "6h", allow_unusual=["t"]).inputs.of(0)


def test_what_is_allowed_must_be_read(elsewhere, tiny):
    with pytest.raises(ConfigError, match="tt cannot be allowed") as caught:
        forecast(elsewhere, tiny.source(), START, "6h", allow_unusual=["tt"])
    assert "ps, t" in caught.value.fix
