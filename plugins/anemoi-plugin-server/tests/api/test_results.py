"""Results over HTTP: files in place, whole and in part, and nothing that the manifest does not name."""

from __future__ import annotations

import hashlib
import warnings
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest

from anemoi_plugin_server.results.archive import PART, zipped
from anemoi_plugin_server.results.manifest import Entry

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


@pytest.fixture
def store(tmp_path):
    """Makes the files of a Zarr store whose metadata are not consolidated, as `anemoi forecast` writes it."""
    zarr = pytest.importorskip("zarr")

    def make(zarr_format=2):
        group = zarr.open_group(tmp_path / "forecast.zarr", mode="w", zarr_format=zarr_format)
        dimensions = {"dimension_names": ["time", "cell"]} if zarr_format == 3 else {}
        array = group.create_array("data", shape=VALUES.shape, chunks=(2, 3), dtype="f4", **dimensions)
        array[...] = VALUES
        if zarr_format == 2:
            array.attrs["_ARRAY_DIMENSIONS"] = ["time", "cell"]
        return {
            path.relative_to(tmp_path).as_posix(): path.read_bytes()
            for path in tmp_path.joinpath("forecast.zarr").rglob("*")
            if path.is_file()
        }

    return make


VALUES = np.arange(1, 25, dtype=np.float32).reshape(4, 6)  # 0 would be missing


def test_a_zarr_store_is_opened_in_place(http, served, finished, store):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("aiohttp")
    job = finished(store())
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # that the metadata are not consolidated
        opened = xarray.open_zarr(f"{served[0]}/api/v1/results/{job.id}/files/forecast.zarr")
        assert opened["data"].dims == ("time", "cell")
        np.testing.assert_array_equal(opened["data"].isel(time=2).values, VALUES[2])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_store_is_downloaded_as_one_file_and_opened_as_it_is(
    http, finished, store, tmp_path, zarr_format
):
    xarray = pytest.importorskip("xarray")
    storage = pytest.importorskip("zarr.storage")
    files = store(zarr_format)
    job = finished({**files, "other.zarr/.zgroup": b"{}"})
    path = f"/results/{job.id}/archives/forecast.zarr.zip"
    answer = http.get(path)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''forecast.zarr.zip"
    assert http.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    assert http.get(path).content == answer.content
    (tmp_path / "one.zip").write_bytes(answer.content)
    with ZipFile(tmp_path / "one.zip") as archive:
        assert archive.testzip() is None
        assert {each.compress_type for each in archive.infolist()} == {ZIP_STORED}
        made = {".zmetadata"} if zarr_format == 2 else set()
        assert set(archive.namelist()) == {name.removeprefix("forecast.zarr/") for name in files} | made
    with storage.ZipStore(tmp_path / "one.zip", mode="r") as zipped:
        opened = xarray.open_zarr(zipped, consolidated=zarr_format == 2)
        assert opened["data"].dims == ("time", "cell")
        np.testing.assert_array_equal(opened["data"].values, VALUES)


@pytest.mark.parametrize("path", ["report/scores.json", "repor", "nothing", "..", "%2e%2e/files"])
def test_what_is_no_directory_of_the_result_is_no_archive(http, finished, path):
    job = finished({"report/scores.json": TEXT})
    assert http.get(f"/results/{job.id}/archives/report.zip").status_code == 200
    assert http.get(f"/results/{job.id}/archives/{path}.zip").status_code == 404


def test_an_archive_of_a_result_that_has_gone_does_not_begin(http, services, finished):
    job = finished({"a.zarr/one": b"1", "a.zarr/two": b"2"})
    (services.settings.place / "results" / job.result / "files" / "a.zarr" / "two").unlink()
    answer = http.get(f"/results/{job.id}/archives/a.zarr.zip")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_an_archive_is_sent_while_it_is_made(tmp_path):
    """The first parts are there before a later file is read, and no part is much larger than another."""
    size = 9 * PART + 5
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    members = {"a": Entry(tmp_path / "large", size, ""), "b": Entry(tmp_path / "absent", 1, "")}
    parts = []
    with pytest.raises(FileNotFoundError):
        parts.extend(map(len, zipped(members)))  # extend keeps what has come before the error
    assert len(parts) == 9
    assert max(parts) < 2 * PART
