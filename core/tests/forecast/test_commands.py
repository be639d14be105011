from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest
import torch

from anemoi.core import forecast as run_forecast
from anemoi.core import plugins
from anemoi.core.checkpoint import save
from anemoi.core.cli import main
from anemoi.core.cli.options import source_spec


@pytest.fixture
def anemoi(capsys, tmp_path, monkeypatch):
    """Run a command line; gives its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


FORECAST = {"--date": "2020-01-02T06", "--lead-time": "18h", "--output": "out.npz"}


def forecast_arguments(checkpoint, *more, **changes):
    options = {**FORECAST, **{f"--{name.replace('_', '-')}": value for name, value in changes.items()}}
    return ["forecast", checkpoint, *(part for option in options.items() for part in option), *more]


def test_a_forecast_is_written(anemoi, checkpoint_file, tmp_path):
    code, out, err = anemoi(*forecast_arguments(checkpoint_file))
    assert (code, err) == (0, "")
    assert "Wrote out.npz: t, ps at 4 points, 1 member, valid 2020-01-02T12 to 2020-01-03T00 UTC." in out
    assert "3 steps" in out
    source = plugins.load("source", "tiny")()
    expected = [state.fields for state in run_forecast(checkpoint_file, source, "2020-01-02T06", "18h")]
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["fields"], expected)


def test_options_reach_the_source(anemoi, checkpoint_file, tmp_path):
    more = ("--source", "tiny", "--source", "ensemble=2", "--source", "names=[ps, q, t]")
    code, out, _ = anemoi(*forecast_arguments(checkpoint_file, *more, members=2))
    assert code == 0
    assert "2 members" in out
    fields = np.load(tmp_path / "out.npz")["fields"]
    source = plugins.load("source", "tiny")(ensemble=2)
    expected = [
        state.fields for state in run_forecast(checkpoint_file, source, "2020-01-02T06", "18h", members=2)
    ]
    np.testing.assert_array_equal(fields, expected)


def test_options_reach_the_output(anemoi, checkpoint_file, tmp_path):
    more = ("--output-option", "npz.fail_after=2")
    code, _, err = anemoi(*forecast_arguments(checkpoint_file, *more))
    assert code == 4
    assert "The disk is full." in err
    assert anemoi(*forecast_arguments(checkpoint_file, *more, lead_time="12h"))[0] == 0
    assert np.load(tmp_path / "out.npz")["fields"].shape == (2, 1, 4, 2)


def test_a_date_among_the_options_of_a_source_is_a_text(tiny_plugin):
    given = ("tiny", "start=2020-01-01", "dates=[2020-01-01T06, 2020-01-02]", "tolerance=1e-3", "on=true")
    assert source_spec(given, None) == {
        "name": "tiny",
        "start": "2020-01-01",
        "dates": ["2020-01-01T06", "2020-01-02"],
        "tolerance": 0.001,
        "on": True,
    }


def test_options_alone_change_the_source_of_the_checkpoint(anemoi, checkpoint_file):
    code, _, err = anemoi(*forecast_arguments(checkpoint_file, "--source", "points=5"))
    assert code == 4
    assert "it has 5 points" in err


NOT_OF_USAGE = {
    "no state at 2020-12-31T18 and 2021-01-01T00": 3,
    "2020-01-02T18 is missing": 3,
    "6h apart": 4,
    "no t; it has ps": 4,
    "4 points": 4,
    "not finite: t (1 of 4)": 4,
    "out.xyz cannot be written": 5,
    "'nothing'": 5,
    "source": 5,
    "data/x.foo": 5,
    "no output called 'npx'": 5,
}
"""The exit codes of what is not wrong with the command line alone, by the first word of the message."""


@pytest.mark.parametrize(
    ("more", "changes", "words"),
    [
        ([], {"date": "noon"}, ["'noon' is not a date", "2025-12-20T06"]),
        ([], {"date": "2021-01-01"}, ["no state at 2020-12-31T18 and 2021-01-01T00", "2020-01-01T00 to"]),
        ([], {"lead_time": "7h"}, ["7h is not a multiple", "6h"]),
        ([], {"lead_time": "soon"}, ["'soon' is not a duration", "72h"]),
        ([], {"output": "out.xyz"}, ["out.xyz cannot be written", "'xyz'", "--format", "npz"]),
        ([], {"output": "out"}, ["no suffix", "--format", "npz"]),
        ([], {"output": "{when}.npz"}, ["{when} is not one of these", "{date}", "{lead_time}"]),
        (["--date", "2020-01-03"], {}, ["2 dates cannot all be written to out.npz", "out-{date}.npz"]),
        (["--output", "./out.npz"], {}, ["./out.npz is to be written twice"]),
        ([], {"date": "2020-01-02/2020-01-03"}, ["no range of dates", "2025-12-01/2025-12-10/24h"]),
        (["--format", "nothing"], {}, ["'nothing'", "npz"]),
        (["--source", "nowhere"], {}, ["source", "'nowhere'", "anemoi plugins list"]),
        (["--source", "data/x.foo"], {}, ["data/x.foo", "--source name=NAME", "tiny"]),
        (["--source", "tiny", "--source", "other"], {}, ["more than one source"]),
        (["--source", "hourss=3"], {}, ["hourss", "hours"]),
        (["--source", "hours=[3"], {}, ["hours=[3", "KEY=VALUE"]),
        (["--source", "hours=5"], {}, ["6h apart", "5h apart", "no state at 2020-01-02T00"]),
        (["--source", "names=[ps]"], {}, ["no t; it has ps"]),
        (["--source", "points=7"], {}, ["4 points", "7 points"]),
        (["--source", "nan=true"], {}, ["not finite: t (1 of 4)"]),
        (["--source", "gap=true"], {"date": "2020-01-02T18"}, ["2020-01-02T18 is missing"]),
        (["--members", "0"], {}, ["--members"]),
        (["--members", "5", "--source", "ensemble=2"], {}, ["2 members"]),
        (["--device", "tpu"], {}, ["--device"]),
        (["--output-option", "npx.fail_after=1"], {}, ["no output called 'npx'", "installed here: ", "npz"]),
        (["--output-option", "npz.fail_aftr=1"], {}, ["fail_aftr: not an option", "There are: fail_after."]),
        (["--output-option", "npz.fail_after=soon"], {}, ["fail_after: expected int, got 'soon'"]),
        (["--output-option", "npz.overwrite=true"], {}, ["overwrite: not an option"]),
        (["--output-option", "fail_after=1"], {}, ["fail_after=1 is not OUTPUT.KEY=VALUE"]),
        (["--output-option", "npz=1"], {}, ["npz=1 is not OUTPUT.KEY=VALUE"]),
        (["--output-option", "npz.fail_after=[3"], {}, ["npz.fail_after=[3"]),
    ],
)
def test_bad_input_says_what_to_do_and_leaves_nothing(
    anemoi, checkpoint_file, tmp_path, more, changes, words
):
    before = sorted(tmp_path.iterdir())
    code, out, err = anemoi(*forecast_arguments(checkpoint_file, *more, **changes))
    assert code == NOT_OF_USAGE.get(words[0], 2)
    for word in words:
        assert word in err
    assert "Traceback" not in err
    assert out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_without_a_gpu_cuda_is_refused(anemoi, checkpoint_file, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    code, _, err = anemoi(*forecast_arguments(checkpoint_file, device="cuda"))
    assert code == 2
    assert "--device cpu" in err
    assert not (tmp_path / "out.npz").exists()


def test_what_is_there_is_kept_unless_told(anemoi, checkpoint_file, tmp_path):
    (tmp_path / "out.npz").write_text("precious")
    code, _, err = anemoi(*forecast_arguments(checkpoint_file))
    assert code == 4
    assert "exists" in err
    assert "--overwrite" in err
    assert (tmp_path / "out.npz").read_text() == "precious"
    assert anemoi(*forecast_arguments(checkpoint_file, "--overwrite"))[0] == 0
    assert np.load(tmp_path / "out.npz")["fields"].shape == (3, 1, 4, 2)


def test_the_checkpoint_is_never_overwritten(anemoi, checkpoint_file):
    content = checkpoint_file.read_bytes()
    arguments = forecast_arguments(checkpoint_file, "--overwrite", "--format", "npz", output=checkpoint_file)
    code, _, err = anemoi(*arguments)
    assert code == 2
    assert "made from" in err
    assert checkpoint_file.read_bytes() == content


def test_a_missing_checkpoint(anemoi, tiny_plugin):
    code, _, err = anemoi(*forecast_arguments("nothing.safetensors"))
    assert code == 5
    assert "no checkpoint nothing.safetensors" in err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"version": "9.0", "accepts": "==9.0.*"},
            ["9.0 is needed", "pip install 'anemoi-plugin-tiny==9.0'", "--allow-different-versions"],
        ),
        (
            {"distribution": "anemoi-plugin-gone"},
            ["not installed", "pip install 'anemoi-plugin-gone==0.1.0'"],
        ),
    ],
)
def test_a_checkpoint_whose_plugins_are_not_here(anemoi, make_checkpoint, tmp_path, changes, words):
    entries = tuple(dataclasses.replace(entry, **changes) for entry in make_checkpoint().lock)
    save(tmp_path / "c", make_checkpoint(lock=entries))
    code, _, err = anemoi(*forecast_arguments("c"))
    assert code == 5
    for word in words:
        assert word in err
    assert not (tmp_path / "out.npz").exists()
    _, account, _ = anemoi("checkpoint", "inspect", "c")
    assert words[1] in account


def test_dates_that_are_not_there_are_told_with_an_output_that_is_not(anemoi, checkpoint_file):
    code, _, err = anemoi(*forecast_arguments(checkpoint_file, "--date", "1920-01-02", output="x.npx"))
    assert code == 5
    assert "no output called 'npx'" in err
    assert "no state at 1920-01-01T18 and 1920-01-02T00" in err
    assert "Choose another source or date" in err
    # A source that is not here is told of once.
    code, _, err = anemoi(*forecast_arguments(checkpoint_file, "--source", "nowhere", output="x.npx"))
    assert code == 5
    assert err.count("nowhere") == 1


def test_other_versions_are_taken_with_a_warning(anemoi, make_checkpoint, tmp_path):
    entries = tuple(dataclasses.replace(entry, version="9.0", accepts="") for entry in make_checkpoint().lock)
    save(tmp_path / "c", make_checkpoint(lock=entries))
    code, _, err = anemoi(*forecast_arguments("c", "--allow-different-versions"))
    assert code == 0
    assert err.count("Warning: ") == 3  # each part of the model that is the plugin's, and none of the core's
    assert "9.0 is needed, but version 0.1.0 is installed" in err


def test_code_in_a_checkpoint_runs_only_if_trusted(anemoi, make_checkpoint, configuration, tmp_path):
    (tmp_path / "trap.py").write_text("open('sprung', 'w')\nfrom anemoi_plugin_tiny import *\n")
    for key, changed in {
        "model": {"model": {**configuration["model"], "encoder": {"_target_": "trap.TinyMapper"}}},
        "data": {"data": {"_target_": "trap.TinySource"}},
    }.items():
        save(tmp_path / "c", make_checkpoint(configuration={**configuration, **changed}))
        code, _, err = anemoi(*forecast_arguments("c"))
        assert (key, code) == (key, {"model": 5, "data": 2}[key])
        assert "--trust-code" in err
        assert not (tmp_path / "sprung").exists()
        assert "trap.Tiny" in anemoi("checkpoint", "inspect", "c")[1]
    # A source of one's own does not need the checkpoint's to be trusted.
    assert anemoi(*forecast_arguments("c", "--source", "tiny"))[0] == 0
    sys.path.insert(0, str(tmp_path))
    try:
        assert anemoi(*forecast_arguments("c", "--trust-code", "--overwrite"))[0] == 0
    finally:
        sys.path.remove(str(tmp_path))
    assert (tmp_path / "sprung").exists()


def test_an_output_that_fails_leaves_nothing(anemoi, checkpoint_file, tmp_path, monkeypatch):
    output = plugins.load("output", "npz")
    monkeypatch.setattr(
        output, "write", lambda self, state: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    code, _, err = anemoi(*forecast_arguments(checkpoint_file))
    assert code == 6
    assert "No space left" in err
    assert not (tmp_path / "out.npz").exists()


def test_several_dates_and_files(anemoi, checkpoint_file, tmp_path):
    words = ("--date", "2020-01-02T12/2020-01-03/6h", "--output", "{date}+{lead_time}.npz")
    code, out, err = anemoi(*forecast_arguments(checkpoint_file, *words, output="{date}.npz"))
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(
        "Wrote 2020-01-02T06.npz, 2020-01-02T06+{lead_time}.npz: t, ps at 4"
    )
    assert len(out.splitlines()) == 5
    assert "12 steps in" in out
    assert len(list(tmp_path.glob("*.npz"))) == 4 * (1 + 3)


def test_what_was_made_is_printed_as_json(anemoi, checkpoint_file, tmp_path):
    words = ["--output", "{lead_time}.npz", "--json"]
    code, out, _ = anemoi(*forecast_arguments(checkpoint_file, *words))
    assert code == 0
    made = json.loads(out)
    assert (made["states"], made["device"]) == (3, "cpu")
    [forecast] = made["forecasts"]
    assert (forecast["start"], forecast["members"], forecast["written_before"]) == ("2020-01-02T06", 1, False)
    assert {file["path"]: file["lead_times"] for file in forecast["files"]} == {
        "out.npz": ["6h", "12h", "18h"],
        **{f"{lead_time}.npz": [lead_time] for lead_time in ("6h", "12h", "18h")},
    }
    assert all((tmp_path / file["path"]).exists() for file in forecast["files"])
    assert json.loads(str(np.load("out.npz")["provenance"]))["identity"] == forecast["identity"]


def test_a_log_has_a_line_for_each_event(anemoi, checkpoint_file, tmp_path):
    words = ["--output", "{lead_time}.npz", "--log-json", "log"]
    assert anemoi(*forecast_arguments(checkpoint_file, *words))[0] == 0
    events = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    names = [event["event"] for event in events]
    assert names[0] == "checked"
    assert names[-2:] == ["forecast", "finished"]
    assert [event["lead_time"] for event in events if event["event"] == "state"] == [
        "6h",
        "12h",
        "18h",
    ]
    files = [event["path"] for event in events if event["event"] == "file"]
    assert files[:2] == ["6h.npz", "12h.npz"]  # each as it appears
    assert sorted(files[2:]) == ["18h.npz", "out.npz"]
    times = [datetime.fromisoformat(event["time"]) for event in events]
    assert times == sorted(times)
    assert anemoi(*forecast_arguments(checkpoint_file, *words, "--source", "nan=true"))[0] == 4
    last = json.loads((tmp_path / "log").read_text().splitlines()[-1])
    assert (last["event"], last["exit_code"]) == ("failed", 4)
    assert "exists already" in last["error"]


def test_it_goes_on_ten_days_unless_told(anemoi, checkpoint_file, tmp_path):
    code, out, _ = anemoi(
        "forecast", checkpoint_file, "--date", "2020-01-02T06", "--output", "a.npz", "--restart"
    )
    assert code == 0
    assert "40 steps" in out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "model.safetensors"]


def test_inspect_tells_all_on_one_screen(anemoi, checkpoint_file):
    code, out, err = anemoi("checkpoint", "inspect", checkpoint_file)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) < 40
    for word in (
        "t [K], ps [Pa]",
        "6h",
        "4 points (2 x 2)",
        "tiny-data",
        "2020-01-01T00 to 2020-01-03T00",
        "training.seed=1",
        "tiny (anemoi-plugin-tiny 0.1.0)",
        "sha256:",
        "parameters",
    ):
        assert word in out


def test_inspect_as_json_tells_the_same(anemoi, checkpoint_file, untrained):
    code, out, _ = anemoi("checkpoint", "inspect", checkpoint_file, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["configuration"] == untrained.configuration
    assert told["provenance"] == untrained.provenance
    assert told["parameters"] == sum(weight.numel() for weight in untrained.weights.values())
    assert [entry["here"] for entry in told["lock"]] == ["ok"] * len(untrained.lock)
    assert told["domains"]["data"]["points"] == 4


def test_requirements_are_what_pip_reads(anemoi, checkpoint_file):
    from packaging.requirements import Requirement

    code, out, _ = anemoi("checkpoint", "requirements", checkpoint_file)
    assert code == 0
    assert {Requirement(line).name for line in out.splitlines()} == {"anemoi-core", "anemoi-plugin-tiny"}


def test_all_requirements_name_the_source_and_what_writes_forecasts(anemoi, checkpoint_file):
    from packaging.requirements import Requirement

    _, alone, _ = anemoi("checkpoint", "requirements", checkpoint_file)
    code, out, _ = anemoi("checkpoint", "requirements", "--all", checkpoint_file)
    assert code == 0
    more = {Requirement(line).name for line in out.split("\n") if line} - {
        Requirement(line).name for line in alone.split("\n") if line
    }
    assert {"anemoi-plugin-grib", "anemoi-plugin-netcdf", "anemoi-plugin-zarr"} <= more
    assert "anemoi-plugin-tiny==0.1.0" in out  # has an output too, and is here


@pytest.mark.parametrize("subcommand", ["inspect", "requirements"])
def test_looking_into_a_file_that_is_no_checkpoint(anemoi, tmp_path, subcommand):
    (tmp_path / "c").write_bytes(b"\x80\x04 a pickle")
    code, out, err = anemoi("checkpoint", subcommand, "c")
    assert (code, out) == (5, "")
    assert "pickle" in err


def test_looking_into_a_checkpoint_brings_no_torch(checkpoint_file, tiny_site):
    code = (
        "import sys; from anemoi.core.cli import main;"
        f"assert main(['checkpoint', 'inspect', {str(checkpoint_file)!r}]) == 0;"
        "assert not {'torch', 'anemoi_plugin_tiny'} & set(sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tiny_site)}
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=environment)
