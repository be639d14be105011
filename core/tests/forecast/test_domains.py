"""Two domains with other grids and other times between states, forecast together by one model."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from anemoi.core import forecast
from anemoi.core.checkpoint import load, save
from anemoi.core.cli import main
from anemoi.core.errors import CheckpointError, ConfigError, DataError
from anemoi.core.forecasting import Destination, prepare
from anemoi.core.held import Held
from anemoi.core.variable import Role, Variable

START = np.datetime64("2020-01-03T12", "s")
HOUR = np.timedelta64(3600, "s")
SECTIONS = {
    "sea": {"data": {"name": "tiny", "names": ["h"], "hours": 12, "points": 6}},
    "air": {"data": {"name": "tiny", "names": ["ps", "t", "sst"]}},
}


@pytest.fixture
def checkpoint(tiny):
    """The sea first, which the alphabet has last; states of the air follow from both."""
    domains = {
        "sea": tiny.domain("h", points=6, hours=12, mean=-0.1, stdev=0.5),
        "air": tiny.domain("t", Variable("sst", Role.FORCING), Variable("tp", Role.DIAGNOSTIC), "ps"),
    }
    return tiny.checkpoint(domains, sections=SECTIONS, identity="sha256:me")


@pytest.fixture
def sources(tiny):
    return {
        "sea": tiny.source(names=["h"], hours=12, points=6),
        "air": tiny.source(names=["ps", "t", "sst"]),
    }


def bits(states):
    return [(state.domain, state.lead_time, state.fields.tobytes()) for state in states]


def test_they_are_forecast_together_in_order_of_time(tiny, checkpoint, sources):
    states = list(forecast(checkpoint, sources, START, "36h"))
    told = [(int(state.lead_time / HOUR), state.domain) for state in states]
    assert told == [
        (6, "air"), (12, "sea"), (12, "air"),
        (18, "air"), (24, "sea"), (24, "air"),
        (30, "air"), (36, "sea"), (36, "air"),
    ]  # fmt: skip
    expected = tiny.by_hand(checkpoint, sources, START, 3)
    for (hours, name), state in zip(told, states, strict=True):
        assert state.fields.shape == {"sea": (1, 6, 1), "air": (1, 4, 3)}[name]
        np.testing.assert_allclose(state.fields[0], expected[name, hours], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sea", "air"])
def test_each_is_a_forcing_of_the_other(checkpoint, sources, name):
    """What is changed in one domain at the start changes both."""
    before = list(forecast(checkpoint, sources, START, "24h"))
    real = sources[name].read
    sources[name].read = lambda times: real(times) + np.float32(0.5)
    after = list(forecast(checkpoint, sources, START, "24h"))
    assert (
        min(np.abs(one.fields - other.fields).max() for one, other in zip(before, after, strict=True)) > 1e-3
    )


def test_a_lead_time_may_be_that_of_the_faster_alone(checkpoint, sources):
    made = forecast(checkpoint, sources, START, "18h")
    leads = {name: [int(lead / HOUR) for lead in each.lead_times] for name, each in made.descriptions.items()}
    assert leads == {"sea": [12], "air": [6, 12, 18]}
    assert [int(state.lead_time / HOUR) for state in made] == [6, 12, 12, 18]
    assert bits(made) == bits(forecast(checkpoint, sources, START, "24h"))[:4]
    made = forecast(checkpoint, sources, START, "6h")
    assert list(made.descriptions) == ["air"]
    assert [state.domain for state in made] == ["air"]


def test_each_is_described_for_itself(tiny, checkpoint, sources):
    ensembles = {"sea": tiny.source(names=["h"], hours=12, points=6, ensemble=2), "air": sources["air"]}
    described = forecast(checkpoint, ensembles, START, "24h", members=2).descriptions
    assert {name: (each.domain, each.variables, len(each.grid)) for name, each in described.items()} == {
        "sea": ("sea", ("h",), 6),
        "air": ("air", ("t", "tp", "ps"), 4),
    }
    assert described["sea"].provenance == described["air"].provenance
    assert [parent["kind"] for parent in described["sea"].provenance["parents"]] == [
        "checkpoint",
        "dataset",
        "dataset",
    ]


def test_from_a_file_it_is_the_same_to_the_bit(checkpoint, sources, tmp_path):
    save(tmp_path / "c", checkpoint)
    assert list(load(tmp_path / "c").domains) == ["sea", "air"]
    assert bits(forecast(tmp_path / "c", sources, START, "36h")) == bits(
        forecast(checkpoint, sources, START, "36h")
    )


def test_a_domain_whose_states_are_held_in_training_is_held_in_a_forecast(tiny):
    """The sea's are a day apart in the data, but the model has one every six hours."""
    domains = {"air": tiny.domain("t"), "sea": tiny.domain(Variable("sst", Role.FORCING), points=6)}
    sections = {"air": {}, "sea": {"frequency": "6h"}}
    checkpoint = tiny.checkpoint(domains, sections=sections)
    daily = tiny.source(names=["sst"], hours=24, points=6)
    sources = {"air": tiny.source(), "sea": daily}
    states = list(forecast(checkpoint, sources, START, "36h"))
    expected = tiny.by_hand(checkpoint, {**sources, "sea": Held(daily, 6 * HOUR)}, START, 6)
    for state in states:
        by_hand = expected["air", int(state.lead_time / HOUR)]
        np.testing.assert_allclose(state.fields[0], by_hand, rtol=1e-5, atol=1e-6)
    free = tiny.checkpoint(domains, sections={"air": {}, "sea": {}})
    with pytest.raises(DataError, match=r"sea: the checkpoint's states are 6h apart, its are 24h apart"):
        forecast(free, sources, START, "36h")


def test_each_needs_a_source(tiny, checkpoint, sources):
    with pytest.raises(DataError, match="domains sea, air: each needs a source") as caught:
        forecast(checkpoint, tiny.source(), START, "12h")
    assert "--source DOMAIN.KEY=VALUE" in caught.value.fix
    with pytest.raises(DataError, match="no source for sea") as caught:
        forecast(checkpoint, {"air": sources["air"]}, START, "12h")
    assert "--source sea.name=NAME" in caught.value.fix


def test_what_does_not_fit_is_said_of_each_at_once(tiny, checkpoint):
    wrong = {"sea": tiny.source(names=["h"], hours=12, points=5), "air": tiny.source(names=["ps", "sst"])}
    with pytest.raises(DataError) as caught:
        forecast(checkpoint, wrong, START, "12h")
    assert "- sea: the checkpoint's grid has 6 points" in caught.value.what
    assert "- air: it has no t; it has ps, sst" in caught.value.what


def test_there_is_no_one_domain_of_several(checkpoint):
    with pytest.raises(CheckpointError, match="several domains: sea, air"):
        checkpoint.domain  # noqa: B018


@pytest.fixture
def prepared(tiny, checkpoint, sources, tmp_path):
    def prepare_(*paths, lead_time="36h", **about):
        destinations = [Destination(str(tmp_path / path), tiny.output) for path in paths or ["{domain}.npz"]]
        return prepare(checkpoint, sources, [START], destinations, lead_time, **about)

    return prepare_


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(path):
    with np.load(path) as file:
        return {name: file[name].tobytes() for name in file.files if name != "provenance"}


def test_each_has_its_file(prepared, checkpoint, sources, tmp_path):
    list(prepared("{domain}.npz", "{domain}+{lead_time}.npz", lead_time="12h").run())
    assert names(tmp_path) == ["air+12h.npz", "air+6h.npz", "air.npz", "sea+12h.npz", "sea.npz"]
    states = list(forecast(checkpoint, sources, START, "12h"))
    for name in ("sea", "air"):
        own = np.stack([state.fields for state in states if state.domain == name])
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npz")["fields"], own)
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}+12h.npz")["fields"], own[-1:])


@pytest.mark.parametrize(
    ("path", "said"),
    [("a.npz", r"sea, air cannot all be written to .*a\.npz"), ("{date}.npz", "cannot all be written")],
)
def test_a_path_for_all_of_them_is_refused(prepared, tmp_path, path, said):
    with pytest.raises(DataError, match=said) as caught:
        prepared(path)
    assert f"{path.removesuffix('.npz')}-{{domain}}.npz" in caught.value.fix
    assert names(tmp_path) == []


class StopError(Exception):
    """What interrupts a forecast."""


@pytest.mark.parametrize("after", range(1, 10))
def test_it_goes_on_from_the_middle_to_the_same_bytes(prepared, tmp_path, after):
    """Nine states in three steps; whole steps are kept."""
    list(prepared().run())
    expected = {name: contents(tmp_path / f"{name}.npz") for name in ("sea", "air")}
    for path in tmp_path.iterdir():
        path.unlink()
    left = [after]

    def on_step(forecast, state):
        left[0] -= 1
        if not left[0]:
            raise StopError

    with pytest.raises(StopError):
        list(prepared(restart=True).run(on_step))
    assert names(tmp_path) == [".{domain}.npz.journal"]
    list(prepared(restart=True).run())
    assert names(tmp_path) == ["air.npz", "sea.npz"]
    assert {name: contents(tmp_path / f"{name}.npz") for name in ("sea", "air")} == expected


def test_a_model_may_give_its_domains_in_any_order(prepared, checkpoint, tmp_path, monkeypatch):
    """What a journal holds is read back in the order of the checkpoint."""
    from anemoi.core.model import EncoderProcessorDecoder

    real = EncoderProcessorDecoder.forward
    monkeypatch.setattr(
        EncoderProcessorDecoder, "forward", lambda *given: dict(reversed(real(*given).items()))
    )
    list(prepared().run())
    expected = contents(tmp_path / "air.npz")
    left = [5]

    def on_step(forecast, state):
        left[0] -= 1
        if not left[0]:
            raise StopError

    with pytest.raises(StopError):
        list(prepared(restart=True, overwrite=True).run(on_step))
    list(prepared(restart=True, overwrite=True).run())
    assert contents(tmp_path / "air.npz") == expected


def test_the_command_takes_options_of_each_source(checkpoint, sources, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = ["forecast", "c", "--date", str(START), "--lead-time", "24h", "--output", "{domain}.npz"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "Wrote {domain}.npz: h at 6 points; t, tp, ps at 4 points, 1 member, valid 2020-01-03T18 to" in out
    assert "6 steps" in out
    states = list(forecast(checkpoint, sources, START, "24h"))
    air = np.stack([state.fields for state in states if state.domain == "air"])
    np.testing.assert_array_equal(np.load("air.npz")["fields"], air)
    provenance = json.loads(str(np.load("sea.npz")["provenance"]))
    assert provenance["identity"] == json.loads(str(np.load("air.npz")["provenance"]))["identity"]

    assert main([*words, "--overwrite", "--source", "sea.points=5", "--source", "air.ensemble=2"]) == 4
    assert "sea: the checkpoint's grid has 6 points, but it has 5" in capsys.readouterr().err
    more = ["--overwrite", "--members", "2", "--source", "sea.ensemble=2", "--source", "air.ensemble=2"]
    assert main([*words, *more]) == 0
    for name, shape in (("sea", (2, 2, 6, 1)), ("air", (4, 2, 4, 3))):
        fields = np.load(f"{name}.npz")["fields"]
        assert fields.shape == shape
        assert np.abs(fields[:, 0] - fields[:, 1]).max() > 1e-3  # which come from members of the sources


@pytest.mark.parametrize("value", ["tiny", "points=5", "lake.points=5", "sea.points"])
def test_a_source_of_no_domain_is_refused(checkpoint, tmp_path, monkeypatch, capsys, value):
    monkeypatch.chdir(tmp_path)
    save("c", checkpoint)
    words = ["forecast", "c", "--date", str(START), "--lead-time", "24h", "--output", "{domain}.npz"]
    assert main([*words, "--source", value]) == 2
    err = capsys.readouterr().err
    assert f"--source {value} does not say which domain it is of" in err
    assert "DOMAIN.KEY=VALUE" in err
    assert "sea, air" in err


def test_inspect_tells_of_each(checkpoint, tmp_path, capsys):
    save(tmp_path / "c", checkpoint)
    assert main(["checkpoint", "inspect", str(tmp_path / "c")]) == 0
    out = capsys.readouterr().out
    for line in (
        "domain sea",
        "step        12h: from -12h, 0h to +12h",
        "grid        6 points",
        "domain air",
        "diagnostic  tp",
        "forcings    sst",
        "step        6h: from -6h, 0h to +6h, +12h",
    ):
        assert line in out
    assert main(["checkpoint", "inspect", str(tmp_path / "c"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {name: each["points"] for name, each in told["domains"].items()} == {"sea": 6, "air": 4}


def test_lead_times_that_do_not_fit_both(tiny):
    with pytest.raises(ConfigError, match="8h is no multiple of the 6h between the states of air"):
        tiny.checkpoint({"air": tiny.domain("t"), "sea": tiny.domain("h", hours=8)})


def test_code_of_a_source_is_no_concern_of_who_names_another(checkpoint, sources):
    """As with one domain: only what a forecast is built of must be trusted."""
    sections = {name: {"data": {"_target_": "trap.Source"}} for name in SECTIONS}
    configuration = {**checkpoint.configuration, "domains": sections}
    made = forecast(dataclasses.replace(checkpoint, configuration=configuration), sources, START, "12h")
    assert len(list(made)) == 3
    sections["sea"]["transforms"] = {"normaliser": {"_target_": "trap.Normaliser"}}
    with pytest.raises(CheckpointError, match=r"trap\.Normaliser"):
        forecast(dataclasses.replace(checkpoint, configuration=configuration), sources, START, "12h")
