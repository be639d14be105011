"""Results over HTTP: the manifest, and each file in place."""

from __future__ import annotations

from typing import Annotated, Any, Final

from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from ..results.manifest import Made, Manifest
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


@router.head("/{identifier}/files/{path:path}", include_in_schema=False)
@router.get("/{identifier}/files/{path:path}", response_class=FileResponse)
def file(path: str, found: Shown, request: Request) -> Response:
    """One file of a result, or a part of it (`Range`); what it holds never changes (`ETag`).

    A Zarr store can be opened in place: `xarray.open_zarr(".../files/forecast.zarr")`.
    """
    entry = found.entry(path)
    headers = {**_HEADERS, "ETag": f'"{entry.sha256}"'}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if "*" in known or headers["ETag"] in known:
        return Response(status_code=304, headers=headers)
    if isinstance(entry, Made):
        return Response(entry.text, headers=headers, media_type="application/json")
    if not entry.place.is_file():
        raise NotThereError("The result is no longer there.", fix="Run the job again.")
    return FileResponse(entry.place, headers=headers)
