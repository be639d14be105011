"""The jobs that come with the server: what they ask of the command line, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from anemoi.core import plugins
from anemoi.core.config import build
from anemoi.core.errors import ConfigError, NotThereError
from anemoi.core.forecasting import read_suite
from anemoi_plugin_zarr.creation import read_recipe

from anemoi_plugin_server.job import Progress
from anemoi_plugin_server.offers import Offers
from anemoi_plugin_server.running.attempt import Attempt
from anemoi_plugin_server.running.workspace import AttemptWorkspace


@pytest.fixture
def workspace(tmp_path):
    """What a job may reach: a model, a source, an output, and the result of a job."""
    for name in ("work", "models", "results/abc/files/forecast.zarr", "results/abc/files/ensemble.zarr"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models" / "tiny.safetensors").touch()
    return AttemptWorkspace(
        Attempt(
            job="a",
            number=1,
            kind="any",
            options={},
            directory=str(tmp_path / "work"),
            models=str(tmp_path / "models"),
            results=str(tmp_path / "results"),
            sources={"analysis": {"name": "zarr", "path": "/data/analysis.zarr"}},
            outputs={"zarr": {"name": "zarr"}},
            named={"earlier": "abc"},
            time_limit=1,
            memory_limit=1,
        )
    )


def job(kind, **options):
    return build("job", {"name": kind, **options}, trust_code=False)


def taken(words):
    """What the command of the words makes of them."""
    command = plugins.load("command", words[0]) if words[0] != "forecast" else _forecast()
    rest = words[1:]
    if isinstance(command, click.Group):
        command, rest = command.commands[rest[0]], rest[1:]
    return command.make_context(words[0], list(rest)).params


def _forecast():
    from anemoi.core.cli.forecast import command

    return command


def test_a_forecast_is_a_suite(workspace, monkeypatch):
    made = job(
        "forecast",
        model="tiny",
        start="2025-12-22T06",
        lead_time="5d",
        source="analysis",
        members=4,
        area=[70, -10, 30, 40],
        variables=["2t"],
        statistics=["mean"],
        above={"2t": [300]},
    )
    monkeypatch.chdir(workspace.directory)
    assert taken(made.command(workspace))["checkpoint"] == Path("suite.yaml")
    suite, _ = read_suite(workspace.directory / "suite.yaml")
    suite.check_whole()
    assert suite.restart
    assert suite.checkpoint == str(workspace.model("tiny"))
    assert (suite.starts, suite.lead_time, suite.members) == (["2025-12-22T06"], "5d", 4)
    assert dict(suite.source) == {"name": "zarr", "path": "/data/analysis.zarr"}
    forecast, ensemble = suite.outputs
    assert forecast.path == "results/forecast.zarr"
    assert [step["name"] for step in forecast.postprocess] == ["select"]
    select, together = ensemble.postprocess
    assert select == {"name": "select", "area": [70, -10, 30, 40], "variables": ["2t"]}
    assert (together["mean"], together["spread"], together["above"]) == (True, False, {"2t": [300]})


def test_a_verification_is_a_command(workspace, monkeypatch):
    made = job("evaluate", model="tiny", start="2025-12-01", source="analysis", area=[70, -10, 30, 40])
    monkeypatch.chdir(workspace.directory)
    given = taken(made.command(workspace))
    assert given["checkpoint"] == workspace.model("tiny")
    assert given["sources"] == ('name="zarr"', 'path="/data/analysis.zarr"')
    assert (given["start"], given["end"], given["area"]) == ("2025-12-01", None, "70/-10/30/40")
    assert (given["report"], given["scores"]) == (Path("results/report"), Path("results/scores.json"))
    assert given["overwrite"]  # by a further attempt


def test_a_data_set_is_a_recipe(workspace, monkeypatch):
    made = job(
        "data",
        source="analysis",
        start="2025-01-01",
        end="2025-02-01",
        variables=["2t"],
        statistics_end="2025-01-20",
    )
    monkeypatch.chdir(workspace.directory)
    given = taken(made.command(workspace))
    assert (given["source"], given["output"]) == (("suite.yaml",), Path("results/data.zarr"))
    recipe = read_recipe(workspace.directory / "suite.yaml")
    assert dict(recipe.data) == {"name": "zarr", "path": "/data/analysis.zarr"}
    assert recipe.filters == [{"start": "2025-01-01", "end": "2025-02-01", "select": ["2t"]}]
    assert recipe.statistics.end == "2025-01-20"


def test_a_map_is_of_a_forecast_of_ones_own(workspace, monkeypatch):
    monkeypatch.chdir(workspace.directory)
    given = taken(job("plot", forecast="earlier", variable="2t", lead_time="6h").command(workspace))
    assert given["forecast"].endswith("results/abc/files/forecast.zarr")
    assert (given["variable"], given["lead_time"], given["output"]) == ("2t", "6h", Path("results/map.png"))
    with pytest.raises(NotThereError, match="no result of the job another"):
        job("plot", forecast="another").command(workspace)


@pytest.mark.parametrize(
    ("kind", "options", "what"),
    [
        ("forecast", {"start": "tomorrow"}, "start"),
        ("forecast", {"start": "2025-12-22T00", "lead_time": "soon"}, "lead_time"),
        ("forecast", {"start": "2025-12-22T00", "lead_time": "101d"}, "longer than 100 days"),
        ("forecast", {"start": "2025-12-22T00", "area": [30, 0, 70, 10]}, "its north"),
        ("forecast", {"start": "2025-12-22T00", "area": [91, 0, 70, 10]}, "area"),
        ("forecast", {"start": "2025-12-22T00", "variables": ["--x"]}, "no name of a variable"),
        ("forecast", {"start": "2025-12-22T00", "statistics": ["mean"]}, "two members"),
        ("forecast", {"start": "2025-12-22T00", "members": 101}, "members"),
        ("evaluate", {"start": "2025-13-01"}, "start: "),
        ("evaluate", {"lead_time": "--report=/etc"}, "lead_time"),
    ],
)
def test_wrong_options_are_refused_by_name(tmp_path, kind, options, what):
    offers = Offers(tmp_path, tmp_path, {}, {})
    with pytest.raises(ConfigError, match=what):
        job(kind, model="tiny", **options).check(offers)


def test_a_data_set_does_not_end_before_it_begins(tmp_path):
    with pytest.raises(ConfigError, match="start: 2025-02-01 is after the end"):
        job("data", source="analysis", start="2025-02-01", end="2025-01-01").check(None)


def test_progress_is_made_of_events():
    verification = job("evaluate", model="tiny")
    begun = verification.progress(Progress(0, 0), {"event": "checked", "forecasts": 9})
    assert begun == Progress(0, 9)
    assert verification.progress(begun, {"event": "scored", "forecasts": 2, "of": 9}) == Progress(2, 9)
    data = job("data", source="analysis")
    assert data.progress(begun, {"event": "written", "dates": 5, "of": 8}) == Progress(5, 8)
