"""Fields of results for maps: small, binary, and kept by the browser, since a result never changes."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Annotated, Final

from anemoi.core.config import build
from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from ..access.identity import User, Viewer
from ..access.ownership import job_seen_by
from ..records import JobRecord
from ..results.fields import Fields, Statistic, Wanted, difference, opened, time_of
from ..results.packing import pack
from ..services import Services
from .dependencies import Parts, Seen

router = APIRouter(prefix="/results/{identifier}/fields", tags=["fields"])

FOR_EVER: Final = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding, Cookie"}
"""What a browser is told of what never changes."""

SOURCE: Final = "source:"
"""What the name of a source that the operator offers begins with, where a result could be named as well."""


def _of_file(job: Seen, file: str, parts: Parts) -> Fields:
    return _fields(parts, job, file)


Shown = Annotated[Fields, Depends(_of_file)]
"""A parameter of a route: the fields of the file of a result that the user may see."""


@router.get("")
def describe(shown: Shown) -> Response:
    """The times, variables, members and grid of a file of a result."""
    return JSONResponse(shown.description(), headers=FOR_EVER)


@router.get("/grid")
def grid(request: Request, shown: Shown) -> Response:
    """For each cell of the raster the number of the point that it shows, as little-endian uint32."""
    content, headers = shown.places.sampling.raster.astype("<u4").tobytes(), FOR_EVER
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers = gzip.compress(content, 2), {**FOR_EVER, "Content-Encoding": "gzip"}
    return _binary(content, headers)


@router.get("/values")
def values(
    shown: Shown,
    variable: str,
    time: str,
    user: Viewer,
    parts: Parts,
    statistic: Statistic = "mean",
    member: Annotated[int, Query(ge=0)] = 0,
    threshold: float = 0.0,
    minus: str = "",
) -> Response:
    """A field at the points that the raster shows: offset and step as float64, then a uint16 for each.

    ``minus`` is another file, ``JOB/FILE``, or ``source:NAME``: what it has is taken away.
    """
    wanted, when = Wanted(variable, statistic, member, threshold), time_of(time)
    other = _named(parts, user, minus) if minus else None
    field = shown.at(when, wanted) if other is None else difference(shown, other, when, wanted)
    headers = {"Cache-Control": "no-store"} if minus.startswith(SOURCE) else FOR_EVER
    return _binary(pack(field[shown.places.sampling.points]), headers)


@router.get("/point")
def point(
    shown: Shown,
    variable: str,
    latitude: Annotated[float, Query(ge=-90, le=90)],
    longitude: Annotated[float, Query(ge=-360, le=360)],
) -> Response:
    """All members of a variable at the point nearest to a place, over time."""
    return JSONResponse(shown.point(latitude, longitude, variable), headers=FOR_EVER)


def _named(parts: Services, user: User, name: str) -> Fields:
    """The fields of ``JOB/FILE`` or of ``source:NAME``."""
    if name.startswith(SOURCE):
        return Fields(build("source", parts.offers.source(name.removeprefix(SOURCE))))
    identifier, _, file = name.partition("/")
    return _fields(parts, job_seen_by(parts, user, identifier), file)


def _fields(parts: Services, job: JobRecord, file: str) -> Fields:
    directory = (parts.offers.results / (job.result or "") / "files").resolve()
    path = (directory / file).resolve()
    if not job.result or directory not in path.parents or not path.exists():
        raise NotThereError(f"The result of job {job.id} has no {file!r}.")
    return opened(path)


def _binary(content: bytes, headers: Mapping[str, str]) -> Response:
    return Response(content, media_type="application/octet-stream", headers=dict(headers))
