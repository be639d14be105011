"""The models at hand: what each forecasts, where it comes from, and whether it can run here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from anemoi.core.checkpoint import Inspection, Mismatch, compare, inspect
from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import Diagnosis, components, diagnose, normalise
from fastapi import APIRouter, Request, Response

from ..access.identity import Viewer
from ..http.dependencies import Parts
from .kinds import offered_kinds
from .rendering import PageRoute, render

router = APIRouter(prefix="/models", route_class=PageRoute, include_in_schema=False)

PATIENCE = 60.0
"""How many seconds the import of a plugin may take before the doctor calls it broken."""


@dataclass(frozen=True)
class Summary:
    """A model as the list shows it.

    Parameters
    ----------
    name
        What it is called.
    found
        What it says of itself; None if it cannot be read.
    mismatches
        The plugins that a forecast needs and that are not here as they were.
    error
        Why it cannot be read.
    """

    name: str
    found: Inspection | None
    mismatches: tuple[Mismatch, ...] = ()
    error: AnemoiError | None = None

    @property
    def runs(self) -> bool:
        """Whether a forecast with it can be made here."""
        return self.found is not None and all(each.severity == "content" for each in self.mismatches)


def summary(name: str, path: Path) -> Summary:
    """What is known of a model, without importing it."""
    try:
        said = path.stat()
        found = _inspected(path, said.st_mtime_ns, said.st_size)
    except AnemoiError as error:
        return Summary(name, None, error=error)
    return Summary(name, found, compare(entry for entry in found.lock if entry.needed))


@lru_cache(maxsize=256)
def _inspected(path: os.PathLike[str], modified: int, size: int) -> Inspection:
    """What a checkpoint says: its hash is computed once for as long as the file stays the same."""
    return inspect(path)


@router.get("")
def index(request: Request, user: Viewer, parts: Parts) -> Response:
    """All models at hand."""
    found = [summary(name, parts.offers.model(name)) for name in parts.offers.model_names()]
    return render(
        request,
        "models.html",
        user=user,
        kinds=offered_kinds(),
        models=found,
        directory=parts.offers.models,
    )


@router.get("/{name}")
def show(request: Request, name: str, user: Viewer, parts: Parts, doctor: bool = False) -> Response:
    """One model; with ``doctor``, each plugin that it needs is loaded in a process of its own."""
    model = summary(name, parts.offers.model(name))
    if model.error is not None:
        raise model.error
    assert model.found is not None
    document = model.found.document
    return render(
        request,
        "model.html",
        user=user,
        kinds=offered_kinds(),
        model=model,
        found=model.found,
        provenance=document["provenance"],
        domains={domain: _domain(said) for domain, said in document["domains"].items()},
        wrong={each.entry: each for each in model.mismatches},
        diagnoses=_diagnoses(model.found) if doctor else None,
    )


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
