"""The form for a new job, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from anemoi.core.config.check import Problem, check
from anemoi.core.config.schema import Schema
from anemoi.core.errors import AnemoiError
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from ..access.identity import Runner, User
from ..http.dependencies import Parts
from ..http.problems import status_of
from ..records import State
from ..services import Services
from ..submission import submit
from .forms import fields, nested, not_offered, options_from, schema_of, unplaced
from .kinds import offered_kinds
from .rendering import PageRoute, render

router = APIRouter(prefix="/new", route_class=PageRoute, include_in_schema=False)

SHOW: Final = "_show"
"""The button that asks for the form again, with the fields of the components that it now names."""

_KEY = re.compile(r"((?:[\w-]+\.)*[\w-]+): ")


@router.get("/{kind}")
def form(request: Request, kind: str, user: Runner, parts: Parts, like: str = "") -> Response:
    """An empty form; with the options of another job, or those of the address, filled in."""
    given: Mapping[str, Any] = parts.jobs.get(like).options if like else {}
    schema = schema_of(kind, given)
    asked = {key: value for key, value in request.query_params.items() if key != "like"}
    options = {**given, **options_from(schema, asked)}
    return _page(request, kind, user, parts, schema, options)


@router.post("/{kind}")
async def create(request: Request, kind: str, user: Runner, parts: Parts) -> Response:
    """Put the job in the queue and show it; or show the form again, with what is wrong beside each field."""
    given = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    schema = schema_of(kind, nested(given))
    options = options_from(schema, given)
    if SHOW in given:
        return _page(request, kind, user, parts, schema, options)
    found, _ = check(schema, options)
    found += not_offered(schema, options, _names(parts, user))
    if found:
        return _page(request, kind, user, parts, schema, options, found, 422)
    try:
        job = submit(parts, kind, options, owner=user.name)
    except AnemoiError as error:
        problem = _problem(error, schema)
        return _page(request, kind, user, parts, schema, options, [problem], status_of(error))
    return RedirectResponse(f"/jobs/{job.id}", 303)


def _page(
    request: Request,
    kind: str,
    user: User,
    parts: Services,
    schema: Schema,
    options: Mapping[str, Any],
    found: Iterable[Problem] = (),
    status: int = 200,
) -> Response:
    kinds = {each.name: each for each in offered_kinds()}
    shown = fields(schema, options, _names(parts, user), found)
    return render(
        request,
        "new.html",
        status=status,
        user=user,
        kinds=list(kinds.values()),
        kind=kinds[kind],
        fields=shown,
        problems=list(found),
        unplaced=unplaced(found, shown),
        models=parts.offers.model_names(),
        show=SHOW,
    )


def _names(parts: Services, user: User) -> dict[str, list[str]]:
    """What the form may name."""
    finished = parts.jobs.list(states=(State.FINISHED,), owner=user.name)
    return {
        "model": parts.offers.model_names(),
        "source": sorted(parts.offers.sources),
        "output": sorted(parts.offers.outputs),
        "result": [job.id for job in finished],
    }


def _problem(error: AnemoiError, schema: Schema) -> Problem:
    """What an error says, beside the field that it begins with, as ``start: 'soon' is not a date.`` does."""
    match = _KEY.match(error.what)
    if match is None or match[1] not in schema.options:
        return Problem("", error.what, error.fix or "")
    return Problem(match[1], error.what[match.end() :], error.fix or "")
