"""Models over HTTP: those at hand, what they say, new ones, and their end."""

from __future__ import annotations

from typing import Annotated, Any

from anemoi.core.errors import CheckpointError
from fastapi import APIRouter, Header, Request, Response

from ..access.identity import Administrator, Viewer
from ..models import Model, summary_of
from ..removing import remove_model
from ..uploading import upload
from .dependencies import Parts

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
def index(_: Viewer, parts: Parts) -> dict[str, Any]:
    """The models at hand: what each forecasts, and what is missing here to run it."""
    names = parts.offers.model_names()
    return {"models": [summary_of(parts.offers.model(name)) for name in names]}


@router.get("/{name}")
def show(name: str, _: Viewer, parts: Parts, response: Response) -> dict[str, Any]:
    """All that a model says: its configuration, its provenance, and its plugins, each here or not."""
    path = parts.offers.model(name)
    try:
        model = Model.read(path)
    except CheckpointError as error:
        raise CheckpointError(error.what.replace(str(path), name), fix=error.fix) from None
    response.headers["ETag"] = f'"{model.inspection.identity}"'
    return model.whole()


@router.put("/{name}", status_code=201)
async def put(
    name: str,
    request: Request,
    _: Administrator,
    parts: Parts,
    overwrite: bool = False,
    if_match: Annotated[str | None, Header()] = None,
) -> dict[str, Any]:
    """Upload a checkpoint: the body is the file. One of that name is replaced only if the request says so."""
    model = await upload(
        parts.offers.models,
        name,
        request.stream(),
        overwrite=overwrite,
        identity=if_match and if_match.strip().strip('"'),
    )
    return model.whole()


@router.delete("/{name}", status_code=204)
def remove(name: str, _: Administrator, parts: Parts) -> None:
    """Remove a model that no job which waits or runs, and no schedule, needs."""
    remove_model(parts, name)
