"""Results over HTTP: the manifest, each file in place, and directories as one file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final
from urllib.parse import quote

from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, StreamingResponse

from ..results.archive import zipped
from ..results.manifest import Entry, Made, Manifest
from .dependencies import Parts, Seen

router = APIRouter(prefix="/results", tags=["results"])

_HEADERS: Final = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
}
"""A report that is a page can be looked at, and can do nothing here."""


def _manifest(job: Seen, parts: Parts) -> Manifest:
    if job.result is None:
        raise NotThereError(
            f"The job {job.id} is {job.state.value} and has no result.", fix="A finished job has one."
        )
    return Manifest.read(parts.offers.results / job.result)


Shown = Annotated[Manifest, Depends(_manifest)]


@router.get("/{identifier}")
def manifest(found: Shown) -> dict[str, Any]:
    """What the result of a job consists of: each file with its size and SHA-256, and its provenance."""
    return dict(found.document)


@router.get("/{identifier}/archives/{path:path}.zip", response_class=StreamingResponse)
def archive(path: str, found: Shown, request: Request) -> Response:
    """A directory of a result as one file, such as `forecast.zarr.zip`, which Zarr reads as it is.

    `xarray.open_zarr(zarr.storage.ZipStore("forecast.zarr.zip", mode="r"))`.
    """
    members = found.members(path)
    headers = {**_HEADERS, "ETag": f'"{found.document["digest"]}"'}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    _check_there(members.values())
    name = quote(f"{path.rpartition('/')[2]}.zip", safe="")
    headers["Content-Disposition"] = f"attachment; filename*=utf-8''{name}"
    return StreamingResponse(zipped(members), headers=headers, media_type="application/zip")


@router.head("/{identifier}/files/{path:path}", include_in_schema=False)
@router.get("/{identifier}/files/{path:path}", response_class=FileResponse)
def file(path: str, found: Shown, request: Request) -> Response:
    """One file of a result, or a part of it (`Range`); what it holds never changes (`ETag`).

    A Zarr store can be opened in place: `xarray.open_zarr(".../files/forecast.zarr")`.
    """
    entry = found.entry(path)
    headers = {**_HEADERS, "ETag": f'"{entry.sha256}"'}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if isinstance(entry, Made):
        return Response(entry.text, headers=headers, media_type="application/json")
    _check_there([entry])
    return FileResponse(entry.place, headers=headers)


def _has(request: Request, tag: str) -> bool:
    """Whether who asks has this already."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return "*" in known or tag in known


def _check_there(entries: Iterable[Entry | Made]) -> None:
    if not all(isinstance(each, Made) or each.place.is_file() for each in entries):
        raise NotThereError("The result is no longer there.", fix="Run the job again.")
