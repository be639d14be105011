"""Forms are made from what jobs say of their options, and tell what is wrong beside each field."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import pytest
from anemoi.core.config import Component, Spec
from pydantic import Field

from anemoi_plugin_server.job import Choice, Unit
from anemoi_plugin_server.jobs.terms import Date, Duration
from anemoi_plugin_server.pages.forms import form_of, nested, options_from
from anemoi_plugin_server.pages.shapes import shape_of

from .api.conftest import write

RIGHT = {"model": "small", "start": "2025-12-22T00", "source": "analysis", "output": "zarr"}


@pytest.fixture
def model(services):
    write(services.offers.models / "small.safetensors")


def problems(page):
    return dict(re.findall(r'id="problem-([^"]+)">([^<]+)<', page.text))


@pytest.mark.parametrize(
    ("annotation", "widget", "told"),
    [
        (Annotated[int, Field(ge=1, le=100)], "integer", "1 to 100"),
        (Annotated[float, Field(gt=0)] | None, "number", "more than 0"),
        (Annotated[float, Field(ge=0, lt=90), Unit("degrees")], "number", "at least 0 and less than 90"),
        (bool, "checkbox", ""),
        (Literal["a", "b"], "select", ""),
        (Annotated[str | None, Choice("source")], "select", ""),
        (Annotated[Spec | None, Component("perturbation")], "component", ""),
        (Annotated[str, Component("forcing")], "select", ""),
        (list[str] | None, "list", ""),
        (tuple[float, float], "list", ""),
        (dict[str, int], "json", ""),
        (Date, "date", ""),
        (Date | None, "date", ""),
        (Duration, "text", ""),
        (int | str, "json", ""),
    ],
)
def test_the_type_of_an_option_tells_how_it_is_given(annotation, widget, told):
    shape = shape_of(annotation)
    assert (shape.widget, shape.range) == (widget, told)


def test_a_form_lists_what_a_list_is_of_and_says_what_results_are(client, keep):
    assert shape_of(list[Annotated[str, Component("metric")]] | None).component == "metric"
    job = keep(lambda files: (files / "forecast.zarr").write_bytes(b""), model="small", start="2025-12-22T00")
    page = client.get("/new/plot").text
    assert f'<option value="{job.id}">small · 2025-12-22T00 ({job.id[:6]})</option>' in page
    assert re.search(r'id="hint-metrics">[^<]*Of: [^<]*rmse', client.get("/new/evaluate").text)


def test_marks_are_found_at_any_depth():
    shape = shape_of(Annotated[Annotated[float, Field(ge=-90)] | None, Unit("degrees_north")])
    assert (shape.unit, shape.optional, dict(shape.bounds)) == ("degrees_north", True, {"ge": -90})


def test_a_form_gives_options_of_their_types_and_leaves_out_what_is_empty():
    given = {
        "members": "4",
        "area": "60, -10, 40, 20",
        "variables": "2t, msl",
        "seed": "",
        "perturbation.name": "gaussian",
        "perturbation.amplitude": "0.5",
        "stranger": "1",
    }
    options = options_from(form_of("forecast", nested(given)), given)
    assert options == {
        "members": 4,
        "area": [60, -10, 40, 20],
        "variables": ["2t", "msl"],
        "perturbation": {"name": "gaussian", "amplitude": 0.5},
    }


def test_the_form_has_units_ranges_defaults_and_what_the_server_offers(client, model):
    page = client.get("/new/forecast").text
    assert re.search(r'<select id="model".*?<option[^>]*>small</option>', page, re.DOTALL)
    members = re.search(r'<input[^>]*name="members"[^>]*>', page)[0]
    for said in ('type="number"', 'min="1"', 'max="100"', 'step="1"', 'placeholder="1"'):
        assert said in members
    assert "1 to 100" in page
    assert re.search(r'id="hint-start">When it starts', page)


def test_a_component_brings_its_own_options(client, model):
    assert "perturbation.amplitude" not in client.get("/new/forecast").text
    page = client.post("/new/forecast", data={"perturbation.name": "gaussian", "_show": "perturbation"})
    assert page.status_code == 200
    assert re.search(r'<input[^>]*name="perturbation\.amplitude"', page.text)
    assert "problem-" not in page.text


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model", "", "missing"),
        ("model", "absent", "no model &#39;absent&#39;"),
        ("model", "../../etc/passwd", "names a place"),
        ("start", "", "missing"),
        ("members", "0", "int &gt;= 1"),
        ("members", "many", "got"),
        ("members", "1.5", "got 1.5"),
        ("seed", "-1", "int &gt;= 0"),
        ("area", "60, -10, 40", "expected"),
        ("area", "north", "expected"),
        ("output", "exe", "writes no"),
        ("source", "file:///etc/passwd", "names a place"),
        ("source", "secret", "offers no source"),
        ("start", "soon", "soon"),
        ("start", "1990-01-01T00", "1990-01-01T00"),
        ("perturbation.amplitude", "much", "expected"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(client, model, services, key, value, said):
    given = {**RIGHT, key: value}
    if key.startswith("perturbation"):
        given["perturbation.name"] = "gaussian"
    page = client.post("/new/forecast", data=given)
    assert page.status_code == 422
    assert list(problems(page)) == [key]
    assert said in problems(page)[key]
    assert services.jobs.list() == []


def test_all_that_is_wrong_is_told_at_once(client, model):
    page = client.post("/new/forecast", data={**RIGHT, "members": "0", "seed": "x", "start": ""})
    assert set(problems(page)) == {"members", "seed", "start"}
    assert re.search(r'<input[^>]*name="seed" value="x"', page.text)
    assert "There are 3 problems" in page.text


@pytest.mark.parametrize(
    "given", [{"perturbation._target_": "os.system"}, {"perturbation.name": "no-such"}, {"perturbation": "x"}]
)
def test_no_code_and_no_unknown_component_comes_out_of_a_form(client, model, services, given):
    page = client.post("/new/forecast", data={**RIGHT, **given})
    assert page.status_code == 422
    assert services.jobs.list() == []


def test_what_is_right_is_queued_and_shown(client, model, services):
    page = client.post("/new/forecast", data={**RIGHT, "members": "3"})
    [job] = services.jobs.list()
    assert page.url.path == f"/jobs/{job.id}"
    assert job.options == {**RIGHT, "members": 3}
    again = client.get(f"/new/forecast?like={job.id}")
    assert re.search(r'<input[^>]*name="members" value="3"', again.text)
    assert '<option value="small" selected>small</option>' in again.text


SCHEDULED = {"model": "small", "source": "analysis", "output": "zarr", "_when": "0 0,12 * * *"}


def test_a_form_with_times_makes_a_schedule_and_no_job(client, model, services):
    page = client.post("/new/forecast", data={**SCHEDULED, "_patience": "6h"})
    [made] = services.schedules.list()
    assert (page.url.path, services.jobs.list()) == ("/schedules", [])
    assert (made.cron, made.patience, made.owner) == ("0 0,12 * * *", 6 * 3600, "local")
    assert made.options == {
        **{key: SCHEDULED[key] for key in ("model", "source", "output")},
        "start": "{date}",
    }
    assert "every day at 00:00 and 12:00 UTC" in page.text


def test_other_times_are_written_as_cron_does(client, model, services):
    page = client.post("/new/forecast", data={**SCHEDULED, "_when": "other", "_show": "_when"})
    assert re.search(r'<input[^>]*name="_cron"', page.text)
    client.post("/new/forecast", data={**SCHEDULED, "_when": "other", "_cron": "30 6 * * 1"})
    assert [each.cron for each in services.schedules.list()] == ["30 6 * * 1"]


@pytest.mark.parametrize(
    ("given", "key", "said"),
    [
        ({"_when": "other", "_cron": "noon"}, "_cron", "&#39;noon&#39; names no time"),
        ({"_when": "other"}, "_cron", "names no time"),
        ({"_patience": "long"}, "_patience", "not a duration"),
        ({"start": "2025-12-22T00"}, "start", "the same in every run"),
        ({"model": "absent"}, "model", "no model"),
        ({"members": "0"}, "members", "int &gt;= 1"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_told_beside_its_field(client, model, services, given, key, said):
    page = client.post("/new/forecast", data={**SCHEDULED, **given})
    assert (page.status_code, services.schedules.list(), services.jobs.list()) == (422, [], [])
    assert list(problems(page)) == [key]
    assert said in problems(page)[key]
    assert re.search(r'<option value="[^"]+" selected>(every day|at other)', page.text)


def test_all_that_is_wrong_with_a_schedule_is_told_at_once(client, model):
    given = {"_when": "other", "_cron": "noon", "_patience": "long", "start": "2025-12-22T00", "members": "0"}
    page = client.post("/new/forecast", data={**SCHEDULED, **given})
    assert set(problems(page)) == {"_cron", "_patience", "start", "members"}


def test_a_kind_of_job_that_is_not_there(client):
    assert client.get("/new/nothing").status_code == 422
