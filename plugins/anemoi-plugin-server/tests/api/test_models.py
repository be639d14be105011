"""Models over HTTP: what they say, and uploads that appear whole and right or not at all."""

from __future__ import annotations

import copy
import dataclasses
import os

import httpx
import pytest

ABSENT = {
    "role": "model", "kind": "model", "name": "tiny", "distribution": "anemoi-plugin-nowhere",
    "version": "1.2.0", "hash": "0", "needed": True, "accepts": "==1.2.*",
}  # fmt: skip


@pytest.fixture
def models(services):
    return services.settings.place / "models"


def test_what_a_model_says(http, document):
    [listed] = http.get("/models").json()["models"]
    assert (listed["name"], listed["parameters"], listed["problem"]) == ("tiny", 7, None)
    assert listed["domains"]["data"]["points"] == 12
    shown = http.get("/models/tiny")
    assert shown.headers["etag"] == f'"{listed["identity"]}"'
    assert shown.json()["provenance"] == document["provenance"]
    assert http.get("/models/other").status_code == 404


def test_the_job_of_a_model_whose_plugin_is_absent_is_not_queued(http, models, forecast, write_checkpoint):
    write_checkpoint(models / "foreign.safetensors", lock=[ABSENT])
    shown = http.get("/models/foreign").json()
    assert (shown["plugins"][0]["here"], shown["plugins"][0]["fix"]) == (
        "absent",
        "pip install 'anemoi-plugin-nowhere==1.2.0'",
    )
    forecast["options"]["model"] = "foreign"
    answer = http.post("/jobs", json=forecast)
    assert answer.status_code == 422
    [problem] = answer.json()["problems"]
    assert problem["at"] == "options.model"
    assert "anemoi-plugin-nowhere" in problem["what"]
    assert "pip install" in problem["fix"]


def test_a_model_that_names_code_is_not_run(http, models, forecast, document, write_checkpoint):
    configuration = copy.deepcopy(document["configuration"])
    configuration["model"] = {"_target_": "os.system"}
    write_checkpoint(models / "code.safetensors", configuration=configuration)
    forecast["options"]["model"] = "code"
    assert "os.system" in http.post("/jobs", json=forecast).json()["problems"][0]["what"]


def test_a_damaged_model_does_not_hide_the_others(http, models):
    (models / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    listed = {each["name"]: each["problem"] for each in http.get("/models").json()["models"]}
    assert (listed["tiny"], bool(listed["broken"]["what"])) == (None, True)
    answer = http.get("/models/broken")
    assert (answer.status_code, str(models) in answer.text) == (422, False)


def test_a_model_is_uploaded_and_replaced_on_request_alone(http, models, tmp_path, write_checkpoint):
    first = write_checkpoint(tmp_path / "first")
    second = write_checkpoint(tmp_path / "second", overrides=["x=1"])
    content = (tmp_path / "first").read_bytes(), (tmp_path / "second").read_bytes()
    assert http.put("/models/mine", content=content[0]).json()["identity"] == first
    assert http.put("/models/mine", content=content[1]).status_code == 409
    wrong = http.put("/models/mine", content=content[1], headers={"if-match": f'"{second}"'})
    assert (wrong.status_code, wrong.json()["title"]) == (412, "Precondition Failed")
    assert http.get("/models/mine").json()["identity"] == first
    right = http.put("/models/mine", content=content[1], headers={"if-match": f'"{first}"'})
    assert right.json()["identity"] == second
    assert http.put("/models/mine?overwrite=true", content=content[0]).json()["identity"] == first
    assert sorted(os.listdir(models)) == ["mine.safetensors", "tiny.safetensors"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda content: content[:-1], "damaged or was altered"),
        (lambda content: content.replace(b"prognostic", b"diagnostic"), "damaged or was altered"),
        (lambda content: b"", "is empty"),
        (lambda content: b"\x80\x04\x95" + content, ""),  # as a pickle begins
        (lambda content: (1 << 62).to_bytes(8, "little") + content[8:], ""),
    ],
)
def test_no_checkpoint_leaves_nothing(http, models, tmp_path, change, what, write_checkpoint):
    write_checkpoint(tmp_path / "right")
    answer = http.put("/models/wrong", content=change((tmp_path / "right").read_bytes()))
    assert (answer.status_code, answer.json()["exit_code"]) == (422, 5)
    assert what in answer.json()["detail"]
    assert str(models) not in answer.text
    assert os.listdir(models) == ["tiny.safetensors"]


def test_an_upload_that_is_too_long_ends_as_soon_as_it_is(serving, services, models):
    limited = dataclasses.replace(services.settings.access, upload=2.0 ** (20 - 30))
    object.__setattr__(services.settings, "access", limited)
    with serving(services) as (url, _):
        answer = httpx.put(f"{url}/api/v1/models/long", content=iter([b"x" * (1 << 19)] * 3))
    assert (answer.status_code, "1048576 bytes" in answer.json()["detail"]) == (413, True)
    assert os.listdir(models) == ["tiny.safetensors"]


@pytest.mark.parametrize("name", [".hidden", "a%20b", "x" * 101, "-rf"])
def test_a_name_that_no_model_may_have(http, models, name):
    assert http.put(f"/models/{name}", content=b"x").status_code == 422
    assert os.listdir(models) == ["tiny.safetensors"]


def test_a_client_that_goes_away_while_it_uploads_leaves_nothing(http, models):
    def breaking():
        yield b"x" * 100_000
        raise ConnectionError

    with pytest.raises(ConnectionError):
        http.put("/models/half", content=breaking())
    assert http.get("/models").status_code == 200
    assert [name for name in os.listdir(models) if not name.startswith(".half")] == ["tiny.safetensors"]


def test_a_model_is_removed(http, models, services, forecast):
    ended = services.jobs.submit("forecast", forecast["options"], owner="local")
    services.jobs.cancel(ended.id)
    assert http.delete("/models/tiny").status_code == 204
    assert (os.listdir(models), http.get("/models").json()["models"]) == ([], [])
    assert http.delete("/models/tiny").status_code == 404
    assert services.jobs.get(ended.id).options["model"] == "tiny"


@pytest.mark.parametrize("by", ["a job that waits", "a job that runs", "a schedule", "a schedule that rests"])
def test_a_model_that_is_needed_is_not_removed_and_by_whom_is_told(http, models, services, forecast, by):
    options = forecast["options"]
    if by.startswith("a job"):
        made = services.jobs.submit("forecast", options, owner="local")
        if by.endswith("runs"):
            services.jobs.claim("worker")
    else:
        about = {"cron": "0 0 * * *", "patience": 1.0, "enabled": by == "a schedule", "next": 0.0}
        made = services.schedules.add(owner="local", kind="forecast", options=options, **about)
    answer = http.delete("/models/tiny")
    assert (answer.status_code, made.id in answer.json()["detail"]) == (409, True)
    assert os.listdir(models) == ["tiny.safetensors"]


def test_a_model_is_needed_by_its_name_as_a_model_alone(http, models, services, write_checkpoint):
    """And by no job whose plugin is gone, which can do nothing with it."""
    write_checkpoint(models / "zarr.safetensors")
    services.jobs.submit("forecast", {"model": "tiny", "output": "zarr"}, owner="local")
    services.jobs.submit("gone", {"model": "zarr"}, owner="local")
    assert http.delete("/models/zarr").status_code == 204
