from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO, StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from anemoi.core.interfaces.output import State
from anemoi.core.lineage import read
from anemoi.core.lineage import verify as verify_file
from matplotlib.image import imread
from rich.console import Console

from anemoi_plugin_verification import scoring
from anemoi_plugin_verification.charts import training_curves
from anemoi_plugin_verification.ensemble_charts import ensemble_charts, plume_chart
from anemoi_plugin_verification.ensemble_metrics import BrierScore, RankHistogram, Spread
from anemoi_plugin_verification.evaluation import STANDARD
from anemoi_plugin_verification.maps import NOTHING, Case, comparison, png
from anemoi_plugin_verification.metrics import ContinuousRankedProbabilityScore
from anemoi_plugin_verification.plumes import plume_at, typical_point
from anemoi_plugin_verification.raster import Raster
from anemoi_plugin_verification.report import _course, render
from anemoi_plugin_verification.spectrum import Spectrum
from anemoi_plugin_verification.stamps import stamps
from anemoi_plugin_verification.table import sections, terminal_tables
from anemoi_plugin_verification.training_record import TrainingRecord
from anemoi_plugin_verification.verification import verify

HOUR = np.timedelta64(3600, "s")


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(html)
        self.text = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data")]

    def handle_data(self, data) -> None:
        self.text += f" {data}"


@pytest.fixture(autouse=True)
def coarse_maps(monkeypatch) -> None:
    monkeypatch.setattr("anemoi_plugin_verification.raster.PIXELS", 100)


@pytest.fixture
def verification(checkpoint, weather, damped):
    return verify(checkpoint, weather, start="2025-12-19", lead_time="24h")


_RENDERED: list[str] = []  # Drawing takes a second: once for all tests.


@pytest.fixture
def html(verification, weather, persistence_forecast) -> str:
    if not _RENDERED:
        example = persistence_forecast(weather, np.datetime64("2025-12-19T06", "s"), 4)
        _RENDERED.append(render(verification, example))
    return _RENDERED[0]


def test_the_report_needs_no_network_and_runs_nothing(html) -> None:
    page = Page(html)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "@import" not in html
    assert "url(" not in html
    assert len(page.addresses) == 4
    assert all(address.startswith("data:image/") for address in page.addresses)


def test_its_pictures_are_whole(html) -> None:
    kinds = re.findall(r'src="data:image/([\w+]+);base64,([^"]+)"', html)
    assert [kind for kind, _ in kinds] == ["svg+xml"] * 2 + ["png"] * 2
    for kind, content in kinds:
        picture = base64.b64decode(content, validate=True)
        if kind == "png":
            assert imread(BytesIO(picture))[..., 0].std() > 0.05
        else:
            assert picture.rstrip().endswith(b"</svg>")


def test_it_shows_every_score_in_units_for_people(html, verification) -> None:
    assert "Mean sea level pressure (msl) (hPa)" in Page(html).text
    rows = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr><th>.*?</tr>", html, re.S)
    ]
    shown = [row for row in rows if len(row) == 9 and row[0].endswith(" h")]
    scores = list(verification.domain.evaluation.scores())
    assert len(shown) == len(scores) == 8
    for (lead, model, persistence, climatology, skill, *_), score in zip(shown, scores, strict=True):
        factor = 0.01 if score.variable == "msl" else 1.0
        assert lead == f"{score.lead_time / np.timedelta64(1, 'h'):g} h"
        for number, who in ((model, "model"), (persistence, "persistence"), (climatology, "climatology")):
            assert float(number) == pytest.approx(score.rmse[who] * factor, abs=0.005)
        assert skill == "+50 %"


def test_it_says_where_everything_comes_from(html) -> None:
    text = Page(html).text
    for fact in (
        "sha256:1234",
        "anemoi-plugin-gnn",
        "1.2.3",
        "dataset-1",
        "CC0-1.0",
        "training.steps=7",
        "1 December 2025 00:00 UTC to 15 December 2025 18:00 UTC",
        "19 December 2025 00:00 UTC to 20 December 2025 18:00 UTC",
        "A forecast, from 19 December 2025 06:00 UTC",
        "anemoi-core",
        "Natural Earth",
    ):
        assert fact in text, fact
    # what others wrote is text and never markup
    assert "Made &lt;here&gt;" in html
    assert "anemoi train &lt;fast&gt;" in html


def test_the_words_agree_with_the_scores(html) -> None:
    text = Page(html).text
    assert "50 % below that of persistence" in text
    assert "closer to the truth than persistence for 4 of 4 start dates" in text
    assert "not independent" not in text


def test_it_warns_where_the_test_period_was_trained_on(
    checkpoint, weather, damped, persistence_forecast
) -> None:
    seen = verify(checkpoint, weather, start="2025-12-15", lead_time="24h")
    text = Page(render(seen, persistence_forecast(weather, np.datetime64("2025-12-15", "s"), 4))).text
    assert "These scores are not independent of the training." in text
    assert "overlaps the training period, 1 December 2025" in text


def test_the_table_fits_a_terminal_and_marks_what_beats_persistence(verification) -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(*terminal_tables(verification.domain.evaluation), sep="\n")
    text = console.export_text()
    assert "…" not in text
    assert "msl (hPa)" in text
    (pressure, _) = sections(verification.domain.evaluation)
    assert all(row.better for row in pressure.rows)
    for row in pressure.rows:
        assert row.rmse["persistence"] in text


def test_the_report_says_where_it_comes_from(html, checkpoint, tmp_path) -> None:
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    found = read(path)
    assert found.provenance["kind"] == "report"
    assert [parent["kind"] for parent in found.provenance["parents"]] == ["checkpoint", "dataset"]
    assert found.provenance["parents"][0]["identity"] == checkpoint.identity
    assert verify_file(path)[0].status == "ok"
    path.write_text(html.replace("Made with", "Made without"), encoding="utf-8")
    assert verify_file(path)[0].status == "differs"


def test_a_model_of_several_domains_has_a_section_for_each(coupled, weather, damped) -> None:
    checkpoint, ocean = coupled
    metrics = {**STANDARD, "crps": ContinuousRankedProbabilityScore}
    sources = {"data": weather, "ocean": ocean}
    result = verify(checkpoint, sources, start="2025-12-20", lead_time="12h", metrics=metrics)
    start = result.starts[0]
    states = [
        State(start, 6 * HOUR, source.read([start + 6 * HOUR])[0], name) for name, source in sources.items()
    ]
    html = render(result, states)
    page = Page(html)
    headings = re.findall(r"<h2>(.*?)</h2>", html)
    for name in ("data", "ocean"):
        for heading in ("Skill", "Error growth", "A forecast, from 20 December 2025 00:00 UTC"):
            assert f"{heading}: {name}" in headings
    assert len(page.addresses) == 6
    assert "CRPS : Continuous ranked probability score of the members" in page.text
    assert "nan" not in page.text.lower()


def test_land_is_left_grey_on_the_maps_of_the_ocean(coupled, lat_lon) -> None:
    _, ocean = coupled
    raster = Raster(ocean.grid)
    field = ocean.read(ocean.times[:1])[0, 0, :, 0].astype(float)
    image = raster(field)
    land = np.isnan(image)
    whole = raster(np.where(np.isnan(field), 1000.0, 0.0))
    # Of three weights that add up to one, the nearest has a third at least.
    assert land[whole > 667].all()
    assert not land[whole < 333].any()
    assert ((whole > 0) & (whole < 333)).any()
    assert 0.05 < land.mean() < 0.5
    assert np.nanmax(image) <= np.nanmax(field)
    assert np.nanmin(image) >= np.nanmin(field)
    case = Case("6 h", "then", field, field + 1.0)
    picture = imread(BytesIO(png(comparison(raster, [case], "K"))))
    grey = np.array([int(NOTHING[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    near = (np.abs(picture[..., :3] - grey) < 0.02).all(axis=-1)
    assert near.mean() > 0.02


def test_the_curves_of_the_training_are_shown_with_the_best_checkpoint(tmp_path):
    losses = {1: None, 2: 0.7, 3: None, 4: 0.5, 5: None, 6: 0.6}
    lines = [
        {"step": step, "seconds": 1.0, "loss": 1 / step, "learning_rate": 0.01}
        | ({} if value is None else {"validation_loss": value})
        for step, value in losses.items()
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    checkpoint = SimpleNamespace(path=tmp_path / "checkpoint.safetensors")
    assert "left out: there is no metrics.jsonl" in _course(checkpoint).told
    assert _course(SimpleNamespace(path=None)).curves == ""
    (tmp_path / "metrics.jsonl").write_text(text + '{"step": 7, "lo')  # in the middle of a line
    course = _course(checkpoint)
    assert course.curves.startswith("data:image/svg+xml;base64,")
    assert "lowest at step 4 (0.5)" in course.told
    assert "and 0.6 at the last validation, at step 6" in course.told
    record = TrainingRecord.beside(checkpoint.path)
    axes = training_curves(record).axes[0]
    marked = [line for line in axes.get_lines() if "best" in str(line.get_label())]
    assert [line.get_xdata()[0] for line in marked] == [4]
    validation = next(line for line in axes.get_lines() if line.get_label() == "validation")
    assert list(validation.get_ydata()) == [0.7, 0.5, 0.6]
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    assert "is damaged" in _course(checkpoint).told


def test_the_report_says_why_there_are_no_curves(html):
    assert "The curves of the training are left out: there is no metrics.jsonl" in Page(html).text


@pytest.fixture
def of_members(checkpoint, weather, damped):
    """Four members, a verification of them beside a lagged ensemble, and the forecast that is drawn."""
    result = verify(
        checkpoint,
        weather,
        start="2025-12-20",
        lead_time="12h",
        members=4,
        lagged=2,
        metrics={
            **STANDARD,
            "crps": ContinuousRankedProbabilityScore,
            "spread": Spread,
            "rank-histogram": RankHistogram,
            "brier": BrierScore,
            "spectrum": Spectrum,
        },
    )
    example = scoring.forecast(checkpoint, {"data": weather}, result.starts[0], "12h", members=4)
    return result, example


def test_an_ensemble_is_shown_by_its_scores_plumes_and_stamps(of_members, monkeypatch) -> None:
    monkeypatch.setattr("anemoi_plugin_verification.stamps.MOST", 1)  # maps take their time
    result, example = of_members
    html = render(result, example[-1:])
    page = Page(html)
    assert "<h2>The ensemble</h2>" in html
    assert len(page.addresses) == 4 + 2 * 3
    assert "climatological ensemble" in page.text
    assert "lagged ensemble" in page.text
    assert "nan" not in page.text.lower()
    titles = re.findall(r'alt="([^"]+)"', html)
    assert sum("Members, their mean and the truth" in title for title in titles) == 2
    assert sum("Maps of the truth and of members" in title for title in titles) == 2


def test_the_charts_of_an_ensemble_show_its_numbers(of_members) -> None:
    evaluation = of_members[0].domain.evaluation
    panels = {axes.get_title("left"): axes for axes in ensemble_charts(evaluation, "2t").axes}
    ranks = [patch.get_height() for patch in panels["Ranks at 12 h"].patches]
    assert ranks == pytest.approx(evaluation.metrics["rank-histogram"].details["model"]["frequency"][1, 1])
    lines = {line.get_label(): line.get_ydata() for line in panels["Error of the mean, and spread (K)"].lines}
    assert lines["spread, model"] == pytest.approx(evaluation.metrics["spread"].overall["model"][:, 1])
    squares = evaluation.rmse.by_start["model"][:, :, 1] ** 2
    assert lines["error, model"] == pytest.approx(np.sqrt(squares.mean(axis=0)))
    lines = {line.get_label(): line.get_ydata() for line in panels["CRPS (K)"].lines}
    assert set(lines) == {name.replace("_", " ") for name in evaluation.forecasters}
    lines = {line.get_label(): line.get_ydata() for line in panels["Reliability at 6 h"].lines}
    observed = evaluation.metrics["brier"].details["lagged_ensemble"]["observed"][0, 1]
    assert lines["lagged ensemble"] == pytest.approx(observed, nan_ok=True)
    assert "Power at 12 h" in panels


def test_a_plume_has_the_members_and_the_truth_at_a_typical_point(of_members, weather) -> None:
    _, states = of_members
    point = typical_point(np.array([[0.0, 0.0, 0.0, np.nan], [9.0, 1.0, 4.0, 1.0]]))
    assert point == 2
    plume = plume_at(weather, "msl", states, 0, point, 0.01)
    assert list(plume.hours) == [6.0, 12.0]
    times = [states[0].start + k * 6 * HOUR for k in range(3)]
    assert plume.truth == pytest.approx(weather.read(times)[:, 0, point, 0] / 100)
    assert plume.members == pytest.approx(np.stack([state.fields[:, point, 0] for state in states]) / 100)
    axes = plume_chart(plume, "hPa").axes[0]
    assert len(axes.lines) == 4 + 2


def test_stamps_are_on_one_scale_and_no_more_than_eight(of_members, weather) -> None:
    rng = np.random.default_rng(0)
    members = rng.normal(size=(10, len(weather.grid)))
    figure = stamps(Raster(weather.grid), members[0], members, "K", "12 h")
    titles = [axes.get_title("left") for axes in figure.axes if axes.get_title("left")]
    assert titles == ["Truth", "Mean of 10", *(f"Member {k}" for k in range(1, 9))]
    assert len({tuple(axes.collections[0].levels) for axes in figure.axes[:10]}) == 1
