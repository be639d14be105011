from __future__ import annotations

import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from anemoi.core.cli.main import main
from anemoi.core.interfaces.output import ForecastDescription
from anemoi.core.lineage import read, verify
from anemoi.core.trailer import trailer
from anemoi_plugin_sample_data import sources
from anemoi_plugin_zarr import ZarrOutput
from matplotlib.image import imread


@pytest.fixture(autouse=True)
def coarse_maps(monkeypatch) -> None:
    monkeypatch.setattr("anemoi_plugin_verification.raster.PIXELS", 100)


@pytest.fixture
def plugins_of_nobody(monkeypatch) -> None:
    """Takes for here what the checkpoints of these tests name."""
    for check in ("check_lock", "check_sources"):
        name = f"anemoi_plugin_verification.commands.evaluate.{check}"
        monkeypatch.setattr(name, lambda needs, checked, **how: None)


@pytest.fixture
def model(monkeypatch, plugins_of_nobody, checkpoint, weather, damped) -> str:
    """A checkpoint by name, whose data are ``weather``."""
    monkeypatch.setattr("anemoi.core.checkpoint.load", lambda path: checkpoint)
    monkeypatch.setattr("anemoi.core.config.build", lambda kind, spec, **how: weather)
    return "model.safetensors"


@pytest.fixture
def forecast_file(tmp_path, weather, persistence_forecast) -> Path:
    path, start = tmp_path / "forecast.zarr", np.datetime64("2025-12-05", "s")
    states = persistence_forecast(weather, start, 3)
    description = ForecastDescription(
        start=start,
        lead_times=np.array([state.lead_time for state in states]),
        members=1,
        variables=weather.variables,
        grid=weather.grid,
        units=weather.units,
        provenance={"kind": "forecast"},
    )
    with ZarrOutput(path=str(path), forecast=description) as output:
        for state in states:
            output.write(state)
    return path


def test_both_commands_are_found() -> None:
    found = {entry.name: entry for entry in entry_points(group="anemoi.core.commands")}
    assert {"report", "map_date"} <= {option.name for option in found["evaluate"].load().params}
    assert {"forecast", "variable"} <= {option.name for option in found["plot"].load().params}


@pytest.fixture
def coupled_model(monkeypatch, plugins_of_nobody, coupled, weather, damped) -> str:
    """A checkpoint of two domains by name; it notes what is built."""
    checkpoint, ocean = coupled
    built = {"weather": weather, "ocean": ocean}
    monkeypatch.setattr("anemoi.core.checkpoint.load", lambda path: checkpoint)
    monkeypatch.setattr("anemoi.core.config.build", lambda kind, spec, **how: built[spec["name"]])
    return "model.safetensors"


def test_evaluate_prints_a_table(model, capsys) -> None:
    assert main(["evaluate", model, "--lead-time", "12h", "--start", "2025-12-19"]) == 0
    out = capsys.readouterr().out
    assert "6 forecasts within 2025-12-19T00 to 2025-12-20T18" in out
    assert "msl (hPa)" in out
    assert "+50 %" in out


@pytest.mark.parametrize("columns", ["20", "300"])
def test_the_table_is_whole_at_any_width(model, capsys, monkeypatch, columns) -> None:
    words = ["evaluate", model, "--lead-time", "6h", "--start", "2025-12-20"]
    assert main(words) == 0
    whole = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    monkeypatch.setenv("COLUMNS", columns)
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert {line for line in whole if "6 h" in line or "+" in line} <= {
        line.rstrip() for line in out.splitlines()
    }


def test_evaluate_prints_nothing_but_json_if_asked(model, capsys, tmp_path) -> None:
    report = str(tmp_path / "report")
    options = ["--lead-time", "12h", "--start", "2025-12-20", "--json", "--report", report]
    assert main(["evaluate", model, *options]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["test_period"] == {"start": "2025-12-20T00", "end": "2025-12-20T18"}
    assert document["training_period"] == {"start": "2025-12-01T00", "end": "2025-12-15T18"}
    assert document["starts"] == ["2025-12-20T00", "2025-12-20T06"]
    assert document["independent"] is True
    assert [row["lead_time_hours"] for row in document["scores"]] == [6, 12, 6, 12]
    assert document["scores"][0]["skill"]["persistence"] == pytest.approx(0.5, abs=1e-3)
    assert "report.html" in captured.err
    scores = tmp_path / "scores.json"
    scores.write_text(captured.out)
    assert verify(scores)[0].status == "ok"
    page, numbers = (read(file).provenance for file in (tmp_path / "report" / "report.html", scores))
    assert page["content"] != numbers["content"]
    assert {**page, "content": ""} == {**numbers, "content": ""}
    scores.write_text(captured.out.replace('"independent": true', '"independent": false'))
    assert verify(scores)[0].status == "differs"


def test_evaluate_logs_what_happens_and_writes_the_scores(model, capsys, tmp_path) -> None:
    log, scores = tmp_path / "log", tmp_path / "scores.json"
    words = [
        "evaluate",
        model,
        "--lead-time",
        "6h",
        "--start",
        "2025-12-20",
        "--json",
        "--log-json",
        str(log),
    ]
    assert main([*words, "--scores", str(scores)]) == 0
    assert scores.read_text() == capsys.readouterr().out.rstrip("\n")
    assert verify(scores)[0].status == "ok"
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(each["event"], each.get("forecasts")) for each in events] == [
        ("checked", 3),
        ("scored", 1),
        ("scored", 2),
        ("scored", 3),
        ("file", None),
        ("finished", 3),
    ]
    log.unlink()
    assert main([*words, "--scores", str(scores)]) == 4
    failed = json.loads(log.read_text())
    assert (failed["event"], failed["exit_code"]) == ("failed", 4)
    assert "scores.json exists." in failed["error"]
    assert main([*words, "--scores", str(scores), "--overwrite"]) == 0


def test_evaluate_says_which_area_is_scored(model, capsys, tmp_path) -> None:
    words = ["evaluate", model, "--lead-time", "6h", "--start", "2025-12-20", "--area", "60/-20/-30/30"]
    assert main([*words, "--report", str(tmp_path / "r")]) == 0
    assert "scored in the area 60/-20/-30/30" in capsys.readouterr().out
    assert "60/-20/-30/30" in (tmp_path / "r" / "report.html").read_text()
    assert main([*words, "--json"]) == 0
    area = json.loads(capsys.readouterr().out)["area"]
    assert area == {"north": 60.0, "west": -20.0, "south": -30.0, "east": 30.0}


def test_evaluate_writes_a_report_once_and_again_only_if_told(model, capsys, tmp_path, damped) -> None:
    arguments = ["evaluate", model, "--lead-time", "6h", "--start", "2025-12-20"]
    arguments += ["--report", str(tmp_path / "r"), "--map-date", "2025-12-20T06"]
    assert main(arguments) == 0
    page = (tmp_path / "r" / "report.html").read_text()
    assert "A forecast, from 20 December 2025 06:00 UTC" in page
    made = len(damped)
    assert main(arguments) == 4
    assert "report.html exists." in capsys.readouterr().err
    assert len(damped) == made  # refused before any work
    assert main([*arguments, "--overwrite"]) == 0
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["report.html"]


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_evaluate_writes_no_report_into_a_data_set(model, capsys, forecast_file, damped, more) -> None:
    before = sorted(forecast_file.rglob("*"))
    assert main(["evaluate", model, "--report", str(forecast_file), *more]) == 4
    error = capsys.readouterr().err
    assert f"{forecast_file} holds something else than a report.html: " in error
    assert "Choose another directory" in error
    assert "Traceback" not in error
    assert sorted(forecast_file.rglob("*")) == before
    assert not damped  # refused before any work


def test_climatology_is_left_out_with_the_reason_where_there_are_no_data_for_it(
    model, monkeypatch, capsys, tmp_path, weather, array_source
) -> None:
    later = array_source(
        weather._values[62:],
        weather.grid,
        weather.variables,
        first=str(weather.times[62]),
        units=weather.units,
    )
    monkeypatch.setattr("anemoi.core.config.build", lambda kind, spec, **how: later)
    arguments = ["evaluate", model, "--lead-time", "6h", "--start", "2025-12-20"]
    assert main([*arguments, "--report", str(tmp_path / "r")]) == 0
    out = capsys.readouterr().out
    assert "Climatology is left out: the data have no state in the training period" in out
    page = (tmp_path / "r" / "report.html").read_text()
    assert "climatology is\nleft out, because the data have no state in the training period" in page
    assert "that of climatology" not in page
    assert "nan" not in page.lower().replace("anemoi", "").split("<h2")[0]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["climatology"] is None
    assert "no state in the training period" in found["climatology_left_out"]
    assert found["scores"][0]["rmse"]["climatology"] is None
    assert found["scores"][0]["skill"]["climatology"] is None
    # With data of its own.
    spoken = lambda kind, spec, **how: weather if spec.get("path") == "past.zarr" else later  # noqa: E731
    monkeypatch.setattr("anemoi.core.config.build", spoken)
    assert main([*arguments, "--json", "--climatology", "past.zarr", "--limit", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["climatology"]["start"] == "2025-12-01T00"
    assert found["scores"][0]["rmse"]["climatology"] > 0


def test_the_metrics_that_are_named_are_printed(model, capsys) -> None:
    options = ["--lead-time", "6h", "--start", "2025-12-20", "--metric", "crps", "--metric", "bias"]
    assert main(["evaluate", model, *options]) == 0
    out = capsys.readouterr().out
    assert "CRPS of msl (hPa)" in out
    assert "ACC" not in out
    options += ["--metric-option", "crps.fair=false", "--json"]
    assert main(["evaluate", model, *options]) == 0
    row = json.loads(capsys.readouterr().out)["scores"][0]
    metrics = {name for name in row if isinstance(row[name], dict)}
    assert metrics == {"rmse", "crps", "bias", "skill"}
    assert row["crps"]["model"] == pytest.approx(row["crps"]["persistence"] / 2, rel=1e-3)


def test_an_ensemble_is_scored_with_its_own_metrics_beside_its_own_references(model, capsys) -> None:
    options = ["--lead-time", "6h", "--start", "2025-12-20", "--members", "3", "--lagged", "2"]
    assert main(["evaluate", model, *options]) == 0
    out = capsys.readouterr().out
    for heading in ("CRPS of msl (hPa)", "Brier score of msl ", "ensemble   ensemble", "histogr.", "spread"):
        assert heading in out
    assert main(["evaluate", model, *options, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["scores"][0]
    everyone = {"model", "persistence", "climatology", "climatological_ensemble", "lagged_ensemble"}
    for name in ("rmse", "acc", "bias", "crps", "spread", "spread-skill", "rank-histogram", "brier"):
        assert set(row[name]) == everyone, name
    assert row["spread"]["model"] == pytest.approx((4 / 3) ** 0.5, rel=0.02)  # of members 1 Pa apart
    frequency = row["details"]["rank-histogram"]["model"]["frequency"]
    assert sum(frequency) == pytest.approx(1.0)
    assert len(frequency) == 4


def test_each_domain_of_a_model_has_a_table_and_names_itself_in_json(coupled_model, capsys) -> None:
    options = ["--lead-time", "6h", "--start", "2025-12-20"]
    assert main(["evaluate", coupled_model, *options]) == 0
    out = capsys.readouterr().out
    place = [out.index(text) for text in ("\ndata ─", "msl (hPa)", "2t (K)", "\nocean ─", "sst (K)")]
    assert place == sorted(place)
    assert main(["evaluate", coupled_model, *options, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(row["domain"], row["variable"]) for row in document["scores"]] == [
        ("data", "msl"),
        ("data", "2t"),
        ("ocean", "sst"),
    ]
    assert set(document["domains"]) == {"data", "ocean"}
    assert document["domains"]["ocean"]["climatology"]["daily_cycle"] is True


def test_the_states_of_a_domain_hold_as_in_its_training(coupled_model, coupled, capsys, array_source) -> None:
    checkpoint, ocean = coupled
    ocean._values, ocean._step = ocean._values[::4], 4 * ocean._step
    ocean._times = ocean._times[::4]
    arguments = ["evaluate", coupled_model, "--lead-time", "12h", "--start", "2025-12-19", "--json"]
    checkpoint.configuration["domains"]["ocean"]["frequency"] = "6h"
    assert main(arguments) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert len({row["lead_time_hours"] for row in scores if row["domain"] == "ocean"}) == 2
    del checkpoint.configuration["domains"]["ocean"]["frequency"]
    assert main(arguments) == 4


def test_the_source_of_one_domain_is_changed_by_its_name(coupled_model, capsys) -> None:
    options = ["--lead-time", "6h", "--start", "2025-12-20", "--source", "ocean.name=weather"]
    assert main(["evaluate", coupled_model, *options]) == 4
    assert "The data have no sst, which the checkpoint forecasts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metric", "rnse"], "no metric called 'rnse'"),
        (["--metric", "crps", "--metric-option", "crps.far=true"], "fair"),
        (["--metric-option", "crps.fair=true"], "--metric-option names crps, which no --metric does."),
        (
            ["--metric", "crps", "--metric-option", "crps.fair=true"],
            "crps, with its options, is defined for 2",
        ),
        (
            ["--metric", "spread-skill"],
            "spread-skill, with its options, is defined for 2 members or more; one",
        ),
        (
            ["--metric", "brier", "--metric-option", "brier.thresholds={q: 1}"],
            "a threshold of q, which is not",
        ),
        (["--members", "3", "--perturb", "{amplitude: 2}"], "--perturb {amplitude: 2} names no component"),
        (["--metric-option", "crps"], "--metric-option crps is not METRIC.KEY=VALUE."),
        (["--persist", "sst"], "sst cannot be persisted"),
        (["--lead-time", "5h"], "5h"),
        (["--lead-time", "soon"], "soon"),
        (["--lead-time", "30d"], "No forecast of 720h fits inside the test period"),
        (["--start", "yesterday"], "yesterday"),
        (["--start", "2031-01-01"], "No forecast of 48h fits"),
        (["--report", "file/report"], "cannot be written: Not a directory"),
        (["--map-date", "never", "--report", "report"], "never"),
        (["--map-date", "2031-01-01", "--report", "report"], "2031-01-01"),
        # The state at the start is there, and the truth at the last lead time is not.
        (["--map-date", "2025-12-20T06", "--report", "report"], "which the map would show"),
    ],
)
def test_a_mistake_is_said_plainly_and_leaves_nothing(
    model, capsys, tmp_path, monkeypatch, options, message
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    assert main(["evaluate", model, *options]) in (2, 3, 4, 5)
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_plot_draws_a_forecast_file(forecast_file, tmp_path, capsys) -> None:
    picture = tmp_path / "map.png"
    arguments = ["plot", str(forecast_file), "--output", str(picture)]
    assert main([*arguments, "--variable", "2t", "--lead-time", "12h"]) == 0
    assert imread(picture)[..., 0].std() > 0.05
    before = picture.read_bytes()
    assert main(arguments) == 4
    assert "map.png exists" in capsys.readouterr().err
    assert picture.read_bytes() == before
    assert main([*arguments, "--overwrite"]) == 0
    assert picture.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--variable", "q"], "The data have no q.\nThey have msl, 2t."),
        (["--lead-time", "7h"], "no state at 7h.\nIts lead times are 6h, 12h, 18h."),
        (["--output", "map.jpg"], "ends in .png"),
    ],
)
def test_plot_says_what_a_forecast_has_not(forecast_file, tmp_path, capsys, options, message) -> None:
    assert main(["plot", str(forecast_file), "--output", str(tmp_path / "map.png"), *options]) == 4
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["forecast.zarr"]


def test_lead_times_count_from_the_start_that_the_file_says(forecast_file, tmp_path, capsys) -> None:
    about = json.loads((forecast_file / ".zattrs").read_text())
    about["provenance"]["start"] = "2025-12-04T18"  # six hours before
    (forecast_file / ".zattrs").write_text(json.dumps(about))
    arguments = ["plot", str(forecast_file), "--output", str(tmp_path / "map.png"), "--lead-time"]
    assert main([*arguments, "6h"]) == 4
    assert "Its lead times are 12h, 18h, 24h." in capsys.readouterr().err
    assert main([*arguments, "24h"]) == 0


@pytest.mark.parametrize(("kind", "code"), [("forecast", 0), ("dataset", 4)])
def test_the_file_says_whether_it_is_a_forecast_not_the_source_that_reads_it(
    tmp_path, weather, monkeypatch, kind, code
) -> None:
    """Here a source that says of every file that it is a data set."""
    file = tmp_path / "forecast.sample"  # the suffix names the source
    file.write_bytes(b"fields" + trailer({"kind": kind}, "sha256:0"))
    monkeypatch.setattr("anemoi.core.config.build", lambda kind, spec, **how: weather)
    assert main(["plot", str(file), "--output", str(tmp_path / "map.png")]) == code
    assert (tmp_path / "map.png").exists() == (code == 0)


def test_plot_refuses_what_is_no_forecast(tmp_path, capsys) -> None:
    data = Path(sources.__file__).parent / "data" / "sample.zarr.zip"
    for file, message, code in ((data, "not a forecast", 4), (tmp_path / "absent.zarr", "There is no ", 3)):
        assert main(["plot", str(file), "--output", str(tmp_path / "map.png")]) == code
        assert message in capsys.readouterr().err
