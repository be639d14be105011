"""Forecasts as a file describes them: checked as a whole, and the same as by options."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest
import torch

from anemoi.core import forecast, plugins
from anemoi.core.checkpoint import save
from anemoi.core.cli import main
from anemoi.core.errors import ConfigError, PluginError, RequestError
from anemoi.core.forecasting import read_suite
from anemoi.core.forecasting.members import seeds_of

START = "2020-01-02T06"

SUITE = """
checkpoint: model.safetensors
source:
  name: tiny
  ensemble: 2
dates: 2020-01-02T06/2020-01-02T12/6h
lead_time: 18h
members: 2
outputs:
  - path: '{date}.npz'
  - path: '{date}-sums.raw'
    output:
      name: raw
    postprocess:
      - name: scaled
        factor: 3.0
      - name: total
        variable: t
"""


@pytest.fixture
def suite(tiny_plugin, checkpoint_file, tmp_path, monkeypatch):
    """Write a suite beside a checkpoint, in the directory where the test runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))

    def suite_(text=SUITE):
        path = tmp_path / "suite.yaml"
        path.write_text(text)
        return path

    return suite_


@pytest.fixture
def anemoi(capsys):
    def run(*words):
        code = main(["forecast", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def fields(source, start=START, **how):
    states = forecast("model.safetensors", source, start, "18h", **how)
    return np.stack([state.fields for state in states])


def test_all_that_it_describes_is_made(suite, anemoi, tmp_path):
    code, out, err = anemoi(suite(), "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)["forecasts"]
    assert [each["start"] for each in made] == ["2020-01-02T06", "2020-01-02T12"]
    assert [file["variables"] for file in made[0]["files"]] == [["t", "ps"], ["t"]]
    source = plugins.load("source", "tiny")(ensemble=2)
    for start in ("2020-01-02T06", "2020-01-02T12"):
        expected = fields(source, start, members=2)
        np.testing.assert_array_equal(np.load(tmp_path / f"{start}.npz")["fields"], expected)
        sums = np.fromfile(tmp_path / f"{start}-sums.raw", np.float32).reshape(3, 2, 4, 1)
        scaled = (expected[..., :1] * 3.0).astype(np.float32)
        np.testing.assert_array_equal(sums, np.cumsum(scaled, axis=0))


def test_options_and_words_change_it_for_one_run(suite, anemoi, tmp_path):
    words = ("--date", "2020-01-02T18", "--members", "1", "lead_time=6h", "source.ensemble=1")
    code, out, _ = anemoi(suite(), *words)
    assert code == 0
    assert "1 member, valid 2020-01-03T00 to 2020-01-03T00" in out
    assert sorted(path.name for path in tmp_path.glob("2020*")) == [
        "2020-01-02T18-sums.raw",
        "2020-01-02T18.npz",
    ]


def test_layers_of_configuration_lie_below_it(suite, anemoi, tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "forecast.yaml").write_text("lead_time: 6h\nmembers: 7\n")
    read, composition = read_suite(suite(SUITE.replace("lead_time: 18h\n", "")))
    assert (read.lead_time, read.members) == ("6h", 2)
    assert composition.origin("lead_time").layer == "directory"
    assert composition.origin("members").file.name == "suite.yaml"


def test_everything_that_is_wrong_is_told_with_its_line(suite):
    text = SUITE.replace("members: 2", "members: two").replace("factor:", "facto:")
    path = suite(text.replace("lead_time", "lead_tme"))
    with pytest.raises(ConfigError) as caught:
        read_suite(path)
    message = str(caught.value)
    assert message.startswith(f"{path} has 3 problems.")
    for key, line, fix in (
        ("lead_tme: not an option", 7, "lead_time"),
        ("members: expected int, got 'two'", 8, ""),
        ("outputs.1.postprocess.0.facto: not an option of", 16, "factor"),
    ):
        problem = message[message.index(f"\n{key}") + 1 :].split("\n")
        assert problem[1].strip() == f"at {path}:{line}"
        assert fix in problem[2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("members: 2", "members: 0"), "members: at least 1"),
        (("members: 2", "seeds: [-1]"), "seeds: one or more"),
        (("members: 2", "limit: 0.5"), "limit: at least 1"),
        (("members: 2", "precision: 16"), "precision: expected"),
        (("members: 2", "sources: {data: {name: tiny}}"), "sources: there is a source besides"),
        (("name: raw", "name: raw\n      name: npz"), "found duplicate key name"),
        (("outputs:", "defaults: [a]\noutputs:"), "has no defaults list"),
        (("  - path: '{date}.npz'\n", "  - format: x\n"), "outputs.0.path: missing"),
    ],
)
def test_what_cannot_be_is_refused(suite, change, message):
    with pytest.raises(ConfigError, match=message):
        read_suite(suite(SUITE.replace(*change)))


def test_what_is_left_open_is_told_all_at_once(suite, anemoi):
    code, _, err = anemoi(suite("lead_time: 6h\n"))
    assert code == 2
    assert "The suite has no value for checkpoint, dates, outputs." in err
    code, _, err = anemoi(suite("lead_time: 6h\n"), "--date", START)
    assert "The suite has no value for checkpoint, outputs." in err


def test_components_that_are_not_here_are_told_all_at_once(suite, anemoi, monkeypatch):
    text = SUITE.replace("name: raw", "name: grib").replace("name: tiny", "name: zarr")
    text = text.replace("        factor: 3.0\n      - name: total\n        variable: t\n", "")
    path = suite(text.replace("scaled", "wind"))
    monkeypatch.setattr(plugins._load, "components", lambda kind=None: [])
    with pytest.raises(PluginError) as caught:
        read_suite(path)
    for name in ("anemoi-plugin-grib", "anemoi-plugin-zarr", "anemoi-plugin-postprocessing"):
        assert name in caught.value.fix
    assert caught.value.exit_code == 5


def test_components_that_are_not_here_are_told_with_dates_that_are_not(suite, anemoi):
    path = suite(SUITE.replace("name: raw", "name: elsewhere"))
    code, _, err = anemoi(path, "--date", "2031-12-22T00")
    assert code == 5
    assert "elsewhere" in err
    assert "no state at 2031-12-21T18 and 2031-12-22T00" in err


def test_options_about_outputs_are_of_the_file(suite, anemoi):
    code, _, err = anemoi(suite(), "--output", "x.npz", "--source", "tiny")
    assert code == 2
    assert "--output, --source cannot be given with" in err


def test_without_a_suite_there_are_no_words(checkpoint_file, anemoi):
    code, _, err = anemoi(checkpoint_file, "members=4", "--date", START, "--output", "x.npz")
    assert (code, "unexpected extra arguments (members=4)" in err) == (2, True)
    code, _, err = anemoi(checkpoint_file)
    assert (code, "Missing option --date and --output" in err) == (2, True)


def test_each_member_with_a_seed_of_its_own_is_the_forecast_that_it_is_alone(tiny, tiny_plugin):
    checkpoint = tiny.checkpoint(tiny.domain("t", "ps"), objective={"name": "noisy"})
    make = plugins.load("source", "tiny")
    seeds = (5, 9, 2)
    together = [
        state.fields for state in forecast(checkpoint, make(ensemble=3), START, "18h", members=3, seed=seeds)
    ]
    for member, seed in enumerate(seeds):
        source = make(ensemble=3)
        source.read = lambda times, read=source.read, one=member: read(times)[:, one : one + 1]
        alone = [state.fields for state in forecast(checkpoint, source, START, "18h", seed=seed)]
        np.testing.assert_array_equal(np.stack(together)[:, member], np.stack(alone)[:, 0])
    assert not np.array_equal(together[0][0], together[0][1])


def test_seeds_are_one_or_one_for_each():
    assert seeds_of(3, 2) == seeds_of([3], 2) == ((3,), (3, 1))
    assert seeds_of(3, 4)[:2] == seeds_of(3, 2)
    assert seeds_of([3, 4], 2) == ((3,), (4,))
    for seeds in ([1, 2], [1, 1, 2]):
        with pytest.raises(RequestError):
            seeds_of(seeds, 3)


def test_half_precision_is_near_and_another(make_checkpoint, tiny_plugin):
    checkpoint, source = make_checkpoint(), plugins.load("source", "tiny")()
    whole, half = (
        next(iter(forecast(checkpoint, source, START, "6h", precision=precision))).fields
        for precision in ("32", "bf16-mixed")
    )
    assert half.dtype == np.float32
    assert not np.array_equal(whole, half)
    scale = np.abs(whole - whole.mean(axis=1, keepdims=True)).max(axis=(0, 1)) + 1.0
    assert (np.abs(whole - half).max(axis=(0, 1)) < 0.1 * scale).all()
    assert torch.get_default_dtype() is torch.float32


def test_coupled_forecasts_are_handed_over(anemoi, monkeypatch):
    taken = []

    @click.command()
    @click.argument("suite")
    @click.argument("overrides", nargs=-1)
    @click.option("--date", "dates", multiple=True)
    @click.option("--json", "as_json", is_flag=True)
    def couple(**given):
        taken.append(given)

    monkeypatch.setattr(plugins, "load", lambda kind, name: {("command", "couple"): couple}[kind, name])
    code, _, err = anemoi("--couple", "suite.yaml", "--date", "2020-01-02", "interval=24h", "--json")
    assert (code, err) == (0, "")
    assert [str(each.pop("suite")) for each in taken] == ["suite.yaml"]
    assert taken == [{"overrides": ("interval=24h",), "dates": ("2020-01-02",), "as_json": True}]
    code, _, err = anemoi("--couple", "suite.yaml", "--members", "2")
    assert code == 2
    assert "--members cannot be given with --couple" in err


def test_values_of_the_environment_are_looked_up_and_recorded_nowhere(suite, anemoi, tmp_path, monkeypatch):
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv("SECRET", "tr0ub4dor")
    monkeypatch.setenv("MEMBERS", "2")
    text = SUITE.replace("model.safetensors", "${oc.env:HERE}/model.safetensors")
    text = text.replace(
        "ensemble: 2", "ensemble: ${oc.decode:${oc.env:MEMBERS}}\n  names: [ps, t, '${oc.env:SECRET}']"
    )
    text = text.replace("'{date}-sums.raw'", "${oc.env:HERE}/{date}-sums.raw") + "restart: true\n"
    code, out, err = anemoi(suite(text), "--log-json", "log.jsonl")
    assert (code, err) == (0, "")
    assert "2 members" in out
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert {"2020-01-02T06.npz", "2020-01-02T12-sums.raw", "log.jsonl"} <= {*files}
    assert "tr0ub4dor" not in out
    assert [name for name, contents in files.items() if b"tr0ub4dor" in contents] == []
    # Of what is wrong beside it the value is not told either.
    code, _, err = anemoi(suite(text.replace("names: [", "nmes: [")))
    assert code == 2
    assert "nmes: not an option" in err
    assert "tr0ub4dor" not in err


def test_what_a_checkpoint_says_of_the_environment_is_looked_up_for_a_suite_that_repeats_it(
    suite, anemoi, make_checkpoint, configuration, tmp_path, monkeypatch
):
    monkeypatch.setenv("UNIT", "K")
    said = {"name": "tiny", "unit_of_t": "${oc.env:UNIT}", "ensemble": 2}
    save(tmp_path / "model.safetensors", make_checkpoint(configuration={**configuration, "data": said}))
    without = SUITE.replace("source:\n  name: tiny\n  ensemble: 2\n", "")
    code, _, err = anemoi(suite(without))
    assert code == 2
    assert "unit_of_t from the environment (${oc.env:UNIT})" in err
    advice = " ".join(err.split()).partition("write ")[2]
    code, _, err = anemoi(suite(f"{without}\n{advice}"))
    assert (code, err) == (0, "")


def test_code_that_a_checkpoint_names_does_not_run_for_a_suite(
    suite, anemoi, make_checkpoint, configuration, tmp_path, monkeypatch
):
    """A suite is trusted with what it says itself, and no more."""
    (tmp_path / "snare.py").write_text("open('sprung', 'w')\nfrom anemoi_plugin_tiny import TinySource\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    changed = {**configuration, "data": {"_target_": "snare.TinySource"}}
    save(tmp_path / "model.safetensors", make_checkpoint(configuration=changed))
    without = SUITE.replace("source:\n  name: tiny\n  ensemble: 2\n", "").replace("members: 2", "")
    code, _, err = anemoi(suite(without))
    assert code == 2
    assert "--trust-code" in err
    assert not (tmp_path / "sprung").exists()
    assert anemoi(suite(f"{without}\nsource: {{_target_: snare.TinySource}}"))[0] == 0
    assert (tmp_path / "sprung").exists()
