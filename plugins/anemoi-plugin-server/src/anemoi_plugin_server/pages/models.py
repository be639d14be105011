"""The models at hand: what each forecasts, where it comes from, and whether it can run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anemoi.core.checkpoint import Inspection
from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import Diagnosis, components, diagnose, normalise
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import Administrator, Role, Viewer
from ..http.dependencies import Parts
from ..models import Model
from ..removing import remove_model
from ..services import Services
from .kinds import offered_kinds
from .rendering import render

router = APIRouter(prefix="/models", include_in_schema=False)

PATIENCE = 60.0
"""How many seconds the import of a plugin may take before the doctor calls it broken."""


@router.get("")
def index(request: Request, user: Viewer, parts: Parts) -> Response:
    """All models at hand."""
    return render(
        request,
        "models.html",
        models=[(name, *_read(parts, name)) for name in parts.offers.model_names()],
        directory=parts.offers.models,
        may_add=user.role >= Role.ADMINISTRATE,
    )


@router.get("/{name}")
def show(request: Request, name: str, user: Viewer, parts: Parts, doctor: bool = False) -> Response:
    """One model; with ``doctor``, each plugin that it needs is loaded in a process of its own."""
    model = Model.read(parts.offers.model(name))
    document = model.inspection.document
    return render(
        request,
        "model.html",
        model=model,
        found=model.inspection,
        provenance=document["provenance"],
        domains={domain: _domain(said) for domain, said in document["domains"].items()},
        here={each.entry: each for each in model.mismatches},
        diagnoses=_diagnoses(model.inspection) if doctor else None,
        kinds=offered_kinds(),
        may_remove=user.role >= Role.ADMINISTRATE,
    )


@router.post("/{name}/remove")
def remove(name: str, _: Administrator, parts: Parts) -> Response:
    """Remove a model, and show the others."""
    remove_model(parts, name)
    return RedirectResponse("/models", 303)


def _read(parts: Services, name: str) -> tuple[Model | None, str]:
    """A model, and why it cannot be read if it cannot."""
    path = parts.offers.model(name)
    try:
        return Model.read(path), ""
    except AnemoiError as error:
        return None, error.what.replace(str(path), name)


def _domain(said: Mapping[str, Any]) -> dict[str, Any]:
    """A domain as the page tells of it: what its steps are, and its variables by their part in the model."""
    by_role: dict[str, list[Mapping[str, Any]]] = {}
    for variable in said["variables"]:
        role = "computed forcing" if variable.get("computed") else str(variable["role"])
        by_role.setdefault(role, []).append(variable)
    steps = said["steps"]
    return {
        "frequency": said["frequency"],
        "shape": said["field_shape"],
        "inputs": [f"{seconds / 3600:+g} h" if seconds else "0 h" for seconds in steps["inputs"]],
        "outputs": [f"{seconds / 3600:+g} h" for seconds in steps["outputs"]],
        "variables": by_role,
    }


def _diagnoses(found: Inspection) -> list[Diagnosis]:
    needed = {(entry.kind, normalise(entry.name)) for entry in found.lock if entry.needed}
    here = [each for each in components() if (each.kind, normalise(each.name)) in needed]
    return list(diagnose(here, timeout=PATIENCE))
