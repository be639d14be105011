"""The options of a job as JSON Schema, with the names that the server offers put in."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from anemoi.core.config import constructor_of
from anemoi.core.config.options import Component
from anemoi.core.config.schema import component_schema
from anemoi.core.errors import AnemoiError
from anemoi.core.plugins import components

from . import choices
from .job import Choice, Unit
from .plugin_process import PLUGINS
from .services import Services


def kinds() -> list[dict[str, Any]]:
    """The jobs that there are, with what each is called; one that cannot be used says why."""
    return [_kind(each.name, f"{each.distribution} {each.version}") for each in components("job")]


def schema(services: Services, kind: str) -> dict[str, Any]:
    """The options of a job.

    A JSON Schema whose properties are those of the constructor, in its order. Besides what the types say, a
    property has ``x-choice`` (what it names: ``model``) with the names as ``examples``, ``x-units``, and for
    a component ``x-component`` (its kind) with the schemas of those that are installed in ``x-options``, by
    name.

    Raises
    ------
    PluginError
        If there is no such job, or it cannot be used.
    """
    found = _options("job", kind)
    for name, parameter in choices.parameters(kind).items():
        own = found["properties"][name]
        if choice := choices.mark(parameter, Choice):
            own |= {"x-choice": choice.of, "examples": choices.names(services, choice)}
        if unit := choices.mark(parameter, Unit):
            own["x-units"] = unit.name
        if component := choices.mark(parameter, Component):
            own |= {"x-component": component.kind, "x-options": _installed(component.kind)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": kind}


def _kind(name: str, offered_by: str) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": name, "from": offered_by, "problem": None}
    try:
        job = constructor_of("job", {"name": name}, trust_code=False)
    except AnemoiError as error:
        return {**found, "problem": {"what": error.what, "fix": error.fix}}
    summary = (inspect.getdoc(job) or "").partition("\n")[0]
    return {**found, "title": job.title, "summary": summary}


@cache
def _installed(kind: str) -> Mapping[str, Any]:
    """The schemas of the components of a kind that can be used; they stay the same while a server runs."""
    return PLUGINS.do(_described, kind)


def _described(kind: str) -> dict[str, Any]:
    found = {}
    for each in components(kind):
        with suppress(AnemoiError):  # one that cannot be chosen here
            found[each.name] = _options(kind, each.name)
    return found


def _options(kind: str, name: str) -> dict[str, Any]:
    constructor = constructor_of(kind, {"name": name}, trust_code=False)
    found = component_schema(kind, {"name": name}, constructor).json_schema()
    summary = (inspect.getdoc(constructor) or "").partition("\n")[0]
    return {**found, "title": name, "description": summary}
