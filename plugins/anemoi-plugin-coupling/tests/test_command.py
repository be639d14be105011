"""``anemoi forecast --couple SUITE.yaml``: what a file describes, and what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from anemoi.core import config
from anemoi.core.checkpoint import load, save
from anemoi.core.cli import main

SUITE = """
components:
  atmosphere:
    checkpoint: {atmosphere}
    forcings: {{sst: ocean.sst, ci: ocean.ci}}
    outputs: [{{path: 'atmosphere.zarr'}}]
  ocean:
    checkpoint: {ocean}
    forcings: {{2t: atmosphere.2t, 10u: atmosphere.10u, 10v: atmosphere.10v, q_835: atmosphere.q_835}}
    outputs: [{{path: 'ocean.zarr'}}]
dates: 2000-05-10T06
interval: 24h
lead_time: 48h
"""


@pytest.fixture
def suite(paths, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text=SUITE):
        (tmp_path / "suite.yaml").write_text(text.format(**paths))
        return tmp_path / "suite.yaml"

    return write


@pytest.fixture
def anemoi(capsys):
    def run(*words):
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_forecasts_of_both_are_written(suite, anemoi, tmp_path):
    code, out, err = anemoi("forecast", "--couple", suite(), "--lead-time", "24h", "--json")
    assert (code, err) == (0, "")
    (made,) = json.loads(out)["forecasts"]
    assert {name: each["paths"] for name, each in made.items()} == {
        "atmosphere": ["atmosphere.zarr"],
        "ocean": ["ocean.zarr"],
    }
    written = config.build("source", {"name": "zarr", "path": "atmosphere.zarr"})
    assert len(written.times) == 4
    code, out, err = anemoi("couple", suite(), "--date", "2000-05-11T06", "lead_time=24h")
    assert code == 2
    assert "atmosphere.zarr exists already" in err
    code, out, err = anemoi("couple", suite(), "--overwrite", "lead_time=24h")
    assert (code, err) == (0, "")
    assert "ocean: Wrote ocean.zarr: sst, ci, hf at 4050 points" in out


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("interval: 24h", ""), 2, "There is no value for interval"),
        (("interval: 24h", "interval: 6h"), 2, "ocean (24h)"),
        (("interval: 24h", "intervall: 24h"), 2, "interval"),
        (("sst: ocean.sst", "sst: sea.sst"), 2, "there is no component 'sea'"),
        (("2000-05-10T06", "2010-05-10T06"), 3, "no common time"),
        (("2000-05-10T06", "tomorrow"), 2, "'tomorrow' is not a date"),
        (("{ocean}", "nowhere.safetensors"), 5, "nowhere.safetensors"),
        (("ocean.zarr", "ocean.nowhere"), 5, "nowhere"),
        (("lead_time: 48h", "lead_time: 30h"), 2, "ocean: The lead time 30h"),
    ],
)
def test_what_is_wrong_is_said(suite, anemoi, tmp_path, change, code, message):
    found, _, err = anemoi("forecast", "--couple", suite(SUITE.replace(*change)))
    assert message in err
    assert found == code
    assert [path.name for path in tmp_path.iterdir()] == ["suite.yaml"]


def test_one_component_is_none_to_couple(suite, anemoi):
    text = SUITE[: SUITE.index("  ocean:")] + SUITE[SUITE.index("dates") :]
    code, _, err = anemoi("couple", suite(text))
    assert code == 2
    assert "two components or more" in err


def test_options_that_a_suite_has_keys_for_are_refused(suite, anemoi):
    code, _, err = anemoi("forecast", "--couple", suite(), "--members", "2", "--output", "x.zarr")
    assert code == 2
    assert "--members" in err
    assert "--output" in err
    assert "cannot be given with --couple" in err


def test_messages_name_the_file(suite, anemoi):
    path = suite(SUITE.replace("interval: 24h", "intervall: 24h").replace("24h", "24h\nmembers: two"))
    code, _, err = anemoi("couple", path)
    assert code == 2
    assert f"Error: {path} has 2 problems." in err
    assert "'couple'" not in err


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ({"_target_": "trap.Source"}, "--trust-code"),
        ({"name": "zarr", "path": "${oc.env:HOME}/x.zarr"}, 'write components.ocean.source: {"name": "zarr"'),
    ],
)
def test_a_checkpoint_is_not_trusted_with_what_a_suite_is(
    suite, anemoi, paths, tmp_path, monkeypatch, data, advice
):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "trap.py").write_text("open('sprung', 'w')\n")
    ocean = load(paths["ocean"])
    changed = replace(ocean, configuration={**ocean.configuration, "data": data})
    save(tmp_path / "changed.safetensors", changed)
    text = SUITE.replace("{ocean}", "changed.safetensors")
    code, _, err = anemoi("couple", suite(text))
    assert code == 2
    assert advice in " ".join(err.split())
    assert not (tmp_path / "sprung").exists()
