"""What becomes of states on their way to an output, and that it is checked before one is computed."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from anemoi.core import forecast
from anemoi.core.cli import main
from anemoi.core.errors import AnemoiError, ConfigError, DataError, ImplausibleError, PluginError
from anemoi.core.forecasting import Destination, Forecast, prepare
from anemoi.core.forecasting.postprocessing import PlannedStep, PostProcessing
from anemoi.core.interfaces import PostProcessor
from anemoi.core.variable import Variable

START = "2020-01-02T06"
TOTAL = {"name": "total", "variable": "t"}


@pytest.fixture
def batch(make_checkpoint, built, tiny_plugin, tmp_path):
    def prepare_(*destinations, lead_time="18h", **options):
        return prepare(
            make_checkpoint(), built[2](), [START], destinations, lead_time, model=built[0], **options
        )

    return prepare_


@pytest.fixture
def plain(make_checkpoint, built):
    """The fields of the forecast, ``(step, member, grid, variable)``."""
    states = forecast(make_checkpoint(), built[2](), START, "18h", model=built[0])
    return np.stack([state.fields for state in states])


def written(path):
    return np.load(path)["fields"]


def run(batch):
    list(batch.run())


def test_each_output_has_a_chain_of_its_own(batch, plain, tmp_path):
    one = Destination.of(str(tmp_path / "total.npz"), postprocess=["scaled", TOTAL])
    other = Destination.of(str(tmp_path / "plain.npz"))
    run(batch(one, other))
    np.testing.assert_array_equal(written(tmp_path / "plain.npz"), plain)
    doubled = (plain[..., :1] * 2.0).astype(np.float32)
    np.testing.assert_array_equal(written(tmp_path / "total.npz"), np.cumsum(doubled, axis=0))


def test_a_file_for_each_lead_time_has_the_sum_of_all_before_it(batch, plain, tmp_path):
    run(batch(Destination.of(str(tmp_path / "{lead_time}.npz"), postprocess=[TOTAL])))
    for step, lead_time in enumerate(("6h", "12h", "18h")):
        expected = np.cumsum(plain[..., :1], axis=0)[step]
        np.testing.assert_array_equal(written(tmp_path / f"{lead_time}.npz")[0], expected)


def test_a_forecast_that_stops_begins_its_sums_anew(batch, plain, tmp_path, monkeypatch):
    real = Forecast._advance

    @torch.inference_mode()
    def advance(self, number):
        outputs = {name: each.clone() for name, each in real(self, number).items()}
        return {name: each * np.nan for name, each in outputs.items()} if number == 2 else outputs

    monkeypatch.setattr(Forecast, "_advance", advance)
    with pytest.raises(ImplausibleError):
        run(batch(Destination.of(str(tmp_path / "x.npz"), postprocess=[TOTAL])))
    np.testing.assert_array_equal(written(tmp_path / "x.npz"), np.cumsum(plain[:2, ..., :1], axis=0))


def test_after_an_interruption_sums_have_what_was_before_it(batch, plain, tmp_path, monkeypatch):
    to = Destination.of(str(tmp_path / "x.npz"), postprocess=[TOTAL])
    real = Forecast._advance
    monkeypatch.setattr(
        Forecast,
        "_advance",
        lambda self, number: 1 / 0 if number == 2 else real(self, number),
    )
    with pytest.raises(ZeroDivisionError):
        run(batch(to, restart=True))
    monkeypatch.setattr(Forecast, "_advance", real)
    run(batch(to, restart=True))
    np.testing.assert_array_equal(written(tmp_path / "x.npz"), np.cumsum(plain[..., :1], axis=0))


def test_a_journal_of_another_chain_is_refused(batch, tmp_path, monkeypatch):
    path = str(tmp_path / "x.npz")
    real = Forecast._advance
    monkeypatch.setattr(
        Forecast,
        "_advance",
        lambda self, number: 1 / 0 if number == 2 else real(self, number),
    )
    with pytest.raises(ZeroDivisionError):
        run(batch(Destination.of(path, postprocess=["scaled"]), restart=True))
    with pytest.raises(DataError, match="journal of another forecast: its post-processing"):
        batch(Destination.of(path), restart=True)


def test_the_output_knows_what_the_chain_leaves(batch, tmp_path):
    (task,) = batch(Destination.of(str(tmp_path / "x.npz"), postprocess=[TOTAL])).tasks
    described = task.parts[0].forecast
    assert described.variables == ("t",)
    assert described.about("t").since_start
    (step,) = described.provenance["postprocessing"]
    assert step == {**TOTAL, "distribution": "anemoi-plugin-tiny 0.1.0"}


def test_what_a_step_cannot_do_is_told_before_anything_is_computed(batch, tmp_path):
    one, other = (
        Destination.of(str(tmp_path / name), postprocess=[{"name": "total", "variable": variable}])
        for name, variable in (("a.npz", "sst"), ("b.npz", "siconc"))
    )
    with pytest.raises(DataError, match="no sst\nno siconc"):
        batch(one, other)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        ("totl", PluginError, "totl"),
        ({"variable": "t"}, ConfigError, "has no name.*Installed here: .*total"),
        ({"name": "scaled", "factr": 2}, ConfigError, "factor"),
        ({"name": "total"}, ConfigError, "variable"),
    ],
)
def test_a_wrong_step_is_refused(tiny_plugin, step, error, message):
    with pytest.raises(error, match=f"(?s){message}"):
        Destination.of("x.npz", postprocess=[step])


class Wrong(PostProcessor):
    def __init__(self, *, forecast):
        super().__init__(forecast=forecast)

    def apply(self, state):
        return state.fields


class OtherTimes(Wrong):
    @property
    def after(self):
        return dataclasses.replace(self.before, lead_times=self.before.lead_times[1:])


class TwoOfAName(Wrong):
    @property
    def after(self):
        return dataclasses.replace(self.before, variables=("t", "t"))


class StrangeUnits(Wrong):
    @property
    def after(self):
        return dataclasses.replace(self.before, units={"sst": "K"})


class OtherShape(Wrong):
    @property
    def after(self):
        return self.before.with_variables([Variable("t")])


class OtherType(Wrong):
    def apply(self, state):
        return state.fields.astype(np.float64)


class Fails(Wrong):
    def apply(self, state):
        return state.fields[1000]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (OtherTimes, "other lead times"),
        (TwoOfAName, "the variables t, t"),
        (StrangeUnits, "units or metadata of sst"),
        (OtherShape, "announced float32 of shape"),
        (OtherType, "gives float64"),
        (Fails, "failed on the state at 6h of the forecast from 2020-01-02T06: IndexError"),
    ],
)
def test_a_step_that_breaks_its_contract_is_named(batch, built, tmp_path, step, message):
    chain = PostProcessing((PlannedStep({"name": "mine"}, "mine 1.0", step),))
    with pytest.raises(PluginError, match=f"'mine' .*{message}"):
        run(batch(Destination(str(tmp_path / "x.npz"), built[1], chain)))
    assert not list(tmp_path.iterdir())


def test_options_name_the_steps(checkpoint_file, plain, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["forecast", str(checkpoint_file), "--date", START, "--lead-time", "18h", "--output", "a.npz"]
    arguments += ["--output", "b=.npz", "--postprocess", "scaled"]
    arguments += ["--postprocess", "b=.npz={name: total, variable: t}"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "Wrote a.npz: t, ps at 4 points, 1 member; b=.npz: t at 4 points, 1 member, valid" in out
    doubled = (plain * 2.0).astype(np.float32)
    np.testing.assert_array_equal(written(tmp_path / "a.npz"), doubled)
    np.testing.assert_array_equal(written(tmp_path / "b=.npz"), np.cumsum(doubled[..., :1], axis=0))


@pytest.mark.parametrize("text", ["[a]", "3", "{name: [", "{variable: t}"])
def test_an_option_that_is_no_step_is_refused(checkpoint_file, tmp_path, monkeypatch, capsys, text):
    monkeypatch.chdir(tmp_path)
    arguments = [
        "forecast",
        str(checkpoint_file),
        "--date",
        START,
        "--output",
        "a.npz",
        "--postprocess",
        text,
    ]
    assert main(arguments) == 2
    assert "name: NAME" in (err := capsys.readouterr().err) or "--postprocess" in err


def test_json_tells_what_was_written(checkpoint_file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["forecast", str(checkpoint_file), "--date", START, "--lead-time", "6h", "--json"]
    assert main([*arguments, "--output", "a.npz", "--postprocess", json.dumps(TOTAL)]) == 0
    (made,) = json.loads(capsys.readouterr().out)["forecasts"]
    assert made["files"][0]["variables"] == ["t"]


def test_a_sum_since_the_start_is_no_sum_over_a_time():
    with pytest.raises(AnemoiError, match="cannot be both accumulated and since_start"):
        Variable("tp", accumulated=np.timedelta64(6, "h"), since_start=True)
    said = Variable("tp", since_start=True)
    assert said.statistic is None
    assert Variable.from_dict(said.to_dict()) == said
