"""Members that begin with initial states of their own."""

from __future__ import annotations

import numpy as np
import pytest

from anemoi.core import forecast, plugins
from anemoi.core.checkpoint import save
from anemoi.core.cli import main
from anemoi.core.errors import DataError
from anemoi.core.forecasting import Destination, prepare

START = np.datetime64("2020-01-03T06", "s")


@pytest.fixture
def checkpoint(tiny):
    return tiny.checkpoint(tiny.domain("t", "ps"), identity="sha256:me")


def made(tiny, checkpoint, members, lead_time="12h", **options):
    perturbation = plugins.load("perturbation", "shifted")(**options)
    states = forecast(checkpoint, tiny.source(), START, lead_time, members=members, perturbation=perturbation)
    return np.stack([state.fields for state in states])


def test_the_first_member_is_the_control_and_the_others_differ(tiny, checkpoint):
    many = made(tiny, checkpoint, 4)
    control = [state.fields for state in forecast(checkpoint, tiny.source(), START, "12h")]
    np.testing.assert_array_equal(many[:, :1], np.stack(control))
    for one in range(4):
        for other in range(one):
            assert np.abs(many[:, one] - many[:, other]).max() > 1e-4
    np.testing.assert_array_equal(many[:, :2], made(tiny, checkpoint, 2))


def test_a_perturbation_of_nothing_changes_nothing(tiny, checkpoint):
    many = made(tiny, checkpoint, 3, amplitude=0.0)
    np.testing.assert_array_equal(many[:, 1], many[:, 0])


def test_it_can_begin_with_a_forecast_from_an_earlier_date(tiny, checkpoint):
    many = made(tiny, checkpoint, 2, amplitude=0.0, back=2)
    earlier = START - np.timedelta64(12, "h")
    states = [state.fields for state in forecast(checkpoint, tiny.source(), earlier, "24h")]
    np.testing.assert_array_equal(many[:, 1], np.stack(states[2:])[:, 0])


def test_dates_that_it_needs_are_asked_for_before_anything_is_made(tiny, checkpoint):
    with pytest.raises(DataError, match="2019-12-31T18"):
        made(tiny, checkpoint, 2, back=10)


@pytest.mark.parametrize("restart", [False, True])
def test_the_command_perturbs(tiny, checkpoint, tmp_path, monkeypatch, restart):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = [
        "forecast",
        "c",
        "--date",
        str(START),
        "--lead-time",
        "12h",
        "--members",
        "3",
        "--output",
        "a.npz",
    ]
    perturb = ["--perturb", "{name: shifted, amplitude: 0.2}"]
    assert main([*words, *perturb, *["--restart"] * restart]) == 0
    np.testing.assert_array_equal(np.load("a.npz")["fields"], made(tiny, checkpoint, 3, amplitude=0.2))


def test_a_command_that_names_none_says_how(tiny, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = ["forecast", "c", "--date", str(START), "--members", "3", "--output", "a.npz", "--perturb"]
    assert main([*words, "[shifted]"]) == 2
    assert "--perturb [shifted] names no component" in capsys.readouterr().err
    assert main([*words, "shiftd"]) != 0
    assert "shifted" in capsys.readouterr().err


def test_another_perturbation_goes_on_from_no_journal(tiny, checkpoint, tmp_path):
    def prepared(**options):
        return prepare(
            checkpoint, tiny.source(), [START], [Destination(str(tmp_path / "a.npz"), tiny.output)], "24h",
            members=2, restart=True, perturbation={"name": "shifted", **options},
        )  # fmt: skip

    class StopError(Exception):
        pass

    def stop(forecast, state):
        raise StopError

    with pytest.raises(StopError):
        list(prepared(amplitude=0.2).run(stop))
    with pytest.raises(DataError, match="its perturbation is"):
        prepared(amplitude=0.3)
    list(prepared(amplitude=0.2).run())
    np.testing.assert_array_equal(
        np.load(tmp_path / "a.npz")["fields"], made(tiny, checkpoint, 2, "24h", amplitude=0.2)
    )
