"""Results over HTTP: files in place, whole and in part, and nothing that the manifest does not name."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pytest

TEXT = bytes(range(256)) * 40


def test_a_file_is_read_whole_and_in_part(http, finished):
    job = finished({"report/scores.json": TEXT})
    [entry] = http.get(f"/results/{job.id}").json()["files"]
    path = f"/results/{job.id}/files/{entry['path']}"
    whole = http.get(path)
    tag = f'"{hashlib.sha256(TEXT).hexdigest()}"'
    assert (whole.content, whole.headers["etag"]) == (TEXT, tag)
    assert "sandbox" in whole.headers["content-security-policy"]
    head = http.head(path)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(TEXT)))
    assert head.headers["accept-ranges"] == "bytes"
    part = http.get(path, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, TEXT[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(TEXT)}"
    rest = http.get(path, headers={"range": "bytes=10000-", "if-range": tag})
    assert (rest.status_code, rest.content) == (206, TEXT[10000:])
    other = http.get(path, headers={"range": "bytes=10000-", "if-range": '"another"'})
    assert (other.status_code, other.content) == (200, TEXT)
    assert http.get(path, headers={"range": f"bytes={len(TEXT)}-"}).status_code == 416
    assert http.get(path, headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize(
    "path", ["", "report", "../manifest.json", "..%2fmanifest.json", "%2fetc%2fpasswd", "secret", "a%00"]
)
def test_what_the_manifest_does_not_name_is_not_there(http, services, finished, path):
    job = finished({"report/scores.json": TEXT})
    (services.settings.place / "results" / job.result / "files" / "secret").write_text("not told of")
    answer = http.get(f"/results/{job.id}/files/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_job_without_a_result(http, services, finished):
    waiting = services.jobs.submit("forecast", {}, owner="local")
    assert "is queued and has no result" in http.get(f"/results/{waiting.id}").json()["detail"]
    job = finished({"one": b"1"})
    assert http.get(f"/results/{job.id}").status_code == 200
    (services.settings.place / "results" / job.result / "files" / "one").unlink()
    assert http.get(f"/results/{job.id}/files/one").status_code == 404


def test_a_zarr_store_is_opened_in_place(http, served, finished, tmp_path):
    """As `anemoi forecast` writes it: in format 2, its metadata not consolidated."""
    xarray = pytest.importorskip("xarray")
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("aiohttp")
    values = np.arange(24, dtype=np.float32).reshape(4, 6)
    group = zarr.open_group(tmp_path / "forecast.zarr", mode="w", zarr_format=2)
    array = group.create_array("data", shape=values.shape, chunks=(2, 3), dtype="f4")
    array[...] = values
    array.attrs["_ARRAY_DIMENSIONS"] = ["time", "cell"]
    files = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.joinpath("forecast.zarr").rglob("*")
        if path.is_file()
    }
    job = finished(files)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # that the metadata are not consolidated
        opened = xarray.open_zarr(f"{served[0]}/api/v1/results/{job.id}/files/forecast.zarr")
        assert opened["data"].dims == ("time", "cell")
        np.testing.assert_array_equal(opened["data"].isel(time=2).values, values[2])
