"""The kinds of jobs over HTTP: a schema says what each option may be, and which names the server has."""

from __future__ import annotations


def test_the_kinds_that_there_are(http):
    kinds = {each["kind"]: each for each in http.get("/kinds").json()["kinds"]}
    assert (kinds["forecast"]["title"], kinds["forecast"]["problem"]) == ("Forecast", None)
    assert http.get("/kinds/nothing").status_code == 404


def test_a_schema_has_choices_ranges_defaults_and_components(http):
    schema = http.get("/kinds/forecast").json()["schema"]
    assert schema["required"] == ["model", "start"]
    own = schema["properties"]
    assert (own["model"]["x-choice"], own["model"]["examples"]) == ("model", ["tiny"])
    assert (own["source"]["examples"], own["source"]["default"]) == (["analysis"], None)
    assert (own["members"]["minimum"], own["members"]["maximum"], own["members"]["default"]) == (1, 100, 1)
    assert own["output"]["examples"] == ["zarr"]
    assert own["perturbation"]["x-component"] == "perturbation"
    assert own["lead_time"]["description"] == "How far it goes: 72h, 10d."


def test_the_api_describes_itself(http):
    paths = http.get("/openapi.json").json()["paths"]
    assert {"get", "post"} <= set(paths["/api/v1/jobs"])
    assert {"get", "put", "delete"} == set(paths["/api/v1/models/{name}"])
    operations = [each for methods in paths.values() for each in methods.values()]
    assert all(each.get("summary") for each in operations)
