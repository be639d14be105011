"""Fields of results for maps: small, binary, and kept by the browser, since a result never changes."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Annotated

from anemoi.core.config import build
from anemoi.core.errors import NotThereError
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from ..access.identity import Viewer
from ..results.fields import Fields, Statistic, Wanted, difference, opened, time_of
from ..results.packing import pack
from ..services import Services
from .dependencies import Parts

router = APIRouter(prefix="/results/{job}/fields", tags=["fields"])

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
"""What a browser is told of what never changes."""

SOURCE = "source:"
"""What the name of a source that the operator offers begins with, where a result could be named as well."""


@router.get("")
def describe(job: str, file: str, _: Viewer, parts: Parts) -> Response:
    """The times, variables, members and grid of a file of a result."""
    return JSONResponse(_fields(parts, f"{job}/{file}").description(), headers=FOR_EVER)


@router.get("/grid")
def grid(request: Request, job: str, file: str, _: Viewer, parts: Parts) -> Response:
    """For each cell of the raster the number of the point that it shows, as little-endian uint32."""
    raster = _fields(parts, f"{job}/{file}").places.sampling.raster
    content, headers = raster.astype("<u4").tobytes(), FOR_EVER
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, headers = gzip.compress(content, 2), {**FOR_EVER, "Content-Encoding": "gzip"}
    return _binary(content, headers)


@router.get("/values")
def values(
    job: str,
    file: str,
    variable: str,
    time: str,
    _: Viewer,
    parts: Parts,
    statistic: Statistic = "mean",
    member: Annotated[int, Query(ge=0)] = 0,
    threshold: float = 0.0,
    minus: str = "",
) -> Response:
    """A field at the points that the raster shows: offset and step as float64, then a uint16 for each.

    ``minus`` is another file, ``JOB/FILE``, or ``source:NAME``: what it has is taken away.
    """
    one, when = _fields(parts, f"{job}/{file}"), time_of(time)
    wanted = Wanted(variable, statistic, member, threshold)
    field = difference(one, _fields(parts, minus), when, wanted) if minus else one.at(when, wanted)
    changes = minus.startswith(SOURCE)
    return _binary(
        pack(field[one.places.sampling.points]), {"Cache-Control": "no-store"} if changes else FOR_EVER
    )


@router.get("/point")
def point(
    job: str,
    file: str,
    variable: str,
    latitude: Annotated[float, Query(ge=-90, le=90)],
    longitude: Annotated[float, Query(ge=-360, le=360)],
    _: Viewer,
    parts: Parts,
) -> Response:
    """All members of a variable at the point nearest to a place, over time."""
    found = _fields(parts, f"{job}/{file}").point(latitude, longitude, variable)
    return JSONResponse(found, headers=FOR_EVER)


def _fields(parts: Services, name: str) -> Fields:
    """The fields of ``JOB/FILE`` or of ``source:NAME``."""
    if name.startswith(SOURCE):
        return Fields(build("source", parts.offers.source(name.removeprefix(SOURCE))))
    identifier, _, path = name.partition("/")
    job = parts.jobs.get(identifier)
    directory = (parts.offers.results / (job.result or "") / "files").resolve()
    file = (directory / path).resolve()
    if not job.result or not path or directory not in file.parents or not file.exists():
        raise NotThereError(f"The result of job {identifier} has no {path!r}.")
    return opened(file)


def _binary(content: bytes, headers: Mapping[str, str]) -> Response:
    return Response(content, media_type="application/octet-stream", headers=dict(headers))
