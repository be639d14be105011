"""The kinds of jobs over HTTP: what may be asked for, and with which options."""

from __future__ import annotations

from typing import Any

from anemoi.core.errors import NotThereError
from fastapi import APIRouter

from .. import schemas
from ..access.identity import Viewer
from .dependencies import Parts

router = APIRouter(prefix="/kinds", tags=["kinds"])


@router.get("")
def index(_: Viewer) -> dict[str, Any]:
    """The kinds of jobs that the plugins of this server bring."""
    return {"kinds": schemas.kinds()}


@router.get("/{kind}")
def show(kind: str, _: Viewer, parts: Parts) -> dict[str, Any]:
    """One kind, with its options as JSON Schema: choices, units, ranges and defaults."""
    found = next((each for each in schemas.kinds() if each["kind"] == kind), None)
    if found is None:
        raise NotThereError(f"There are no jobs of the kind {kind!r} here.", fix="GET /api/v1/kinds")
    return {**found, "schema": schemas.schema(parts, kind)}
