"""The form for a new job, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from anemoi.core.config import Problem
from anemoi.core.errors import AnemoiError, NotThereError
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from ..access.identity import Runner, User
from ..access.ownership import job_seen_by
from ..http.dependencies import Parts
from ..http.problems import problems_of, status_of
from ..records import State
from ..schedules import making
from ..schedules.scheduler import dated
from ..services import Services
from ..submission import check_options, submit
from .forms import Form, fields, form_of, nested, options_from, unplaced
from .kinds import offered_kinds
from .products import brief
from .rendering import render
from .when import CRON, PATIENCE, TIMES, When, undated, with_date

router = APIRouter(prefix="/new", include_in_schema=False)

SHOW: Final = "_show"
"""The button that asks for the form again, with the fields of the components that it now names."""


MOST: Final = 100
"""Of so many results, the newest, one can be chosen."""


@router.get("/{kind}")
def empty(request: Request, kind: str, user: Runner, parts: Parts, like: str = "") -> Response:
    """An empty form; with the options of another job, or those of the address, filled in."""
    given: Mapping[str, Any] = job_seen_by(parts, user, like).options if like else {}
    form = form_of(kind, given)
    asked = {key: value for key, value in request.query_params.items() if key != "like"}
    options = {**given, **options_from(form, asked)}
    return _page(request, kind, user, parts, form, options, When())


@router.post("/{kind}")
async def create(request: Request, kind: str, user: Runner, parts: Parts) -> Response:
    """Put the job in the queue, or make its schedule; or show the form again, with all that is wrong."""
    given = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    return await run_in_threadpool(_created, request, kind, user, parts, given)  # it may take seconds


def _created(request: Request, kind: str, user: User, parts: Services, given: Mapping[str, str]) -> Response:
    form = form_of(kind, nested(given))
    options, when = options_from(form, given), When.of(given)
    if SHOW in given:
        return _page(request, kind, user, parts, form, options, when)
    if not when.is_now:
        options = with_date(form, options)
        if wrong := [*undated(form, options), *when.problems()]:
            wrong += _wrong_options(parts, kind, options, user)  # so that all is told at once
            return _page(request, kind, user, parts, form, options, when, wrong, 422)
    try:
        if when.is_now:
            job = submit(parts, kind, options, owner=user.name, request=request.state.request)
            return RedirectResponse(f"/jobs/{job.id}", 303)
        asked = {"kind": kind, "options": options, "cron": when.cron, "patience": when.patience}
        making.make(parts, owner=user.name, **asked)
        return RedirectResponse("/schedules", 303)
    except AnemoiError as error:
        status = 422 if isinstance(error, NotThereError) else status_of(error)
        return _page(request, kind, user, parts, form, options, when, _problems(error), status)


def _wrong_options(parts: Services, kind: str, options: Mapping[str, Any], user: User) -> list[Problem]:
    """What is wrong with the options of a schedule whose times are wrong themselves."""
    try:
        check_options(parts, kind, dated(options, time.time()), owner=user.name)
    except AnemoiError as error:
        return _problems(error)
    return []


def _page(
    request: Request,
    kind: str,
    user: User,
    parts: Services,
    form: Form,
    options: Mapping[str, Any],
    when: When,
    found: Iterable[Problem] = (),
    status: int = 200,
) -> Response:
    kinds = {each["kind"]: each for each in offered_kinds()}
    shown = fields(form, options, _names(parts, user), found)
    return render(
        request,
        "new.html",
        status=status,
        kind=kinds[kind],
        fields=shown,
        when=when,
        times=TIMES,
        problems=list(found),
        unplaced=[each for each in unplaced(found, shown) if each.key not in (CRON, PATIENCE)],
        models=parts.offers.model_names(),
        show=SHOW,
    )


def _names(parts: Services, user: User) -> dict[str, dict[str, str]]:
    """What the form may name, and how it shows each."""
    offers = parts.offers
    names = {
        "model": offers.model_names(),
        "source": sorted(offers.sources),
        "output": sorted(offers.outputs),
    }
    finished = parts.jobs.list(states=(State.FINISHED,), owner=user.name, limit=MOST)
    return {
        **{word: {name: name for name in found} for word, found in names.items()},
        "result": {job.id: brief(job) for job in finished},
    }


def _problems(error: AnemoiError) -> list[Problem]:
    """What an error says of each option; of none if it tells of no option."""
    found = [Problem(key, what, fix or "") for key, what, fix in problems_of(error)]
    return found or [Problem("", error.what, error.fix or "")]
