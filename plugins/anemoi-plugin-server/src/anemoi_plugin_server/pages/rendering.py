"""From templates to answers: what every page has, and how it writes times and sizes."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from ..schedules import cron


def render(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Answer with a template, which knows its path, the user if there is one, and whether users log in."""
    user = getattr(request.state, "user", None)
    users = request.app.state.services.settings.access.users
    page = templates().get_template(template).render(path=request.url.path, user=user, users=users, **context)
    return HTMLResponse(page, status)


@cache
def templates() -> Environment:
    """All templates. What they are given is text, however much it looks like HTML."""
    found = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(moment=moment, duration=duration, size=size, iso=iso, cron=cron.in_words)
    return found


def iso(seconds: float) -> str:
    """A time for machines: ``2025-12-22T06:00:00Z``, from seconds since 1970."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def moment(seconds: float) -> str:
    """A time for people: ``22 December 2025 06:00 UTC``, from seconds since 1970."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{when.day} {when:%B %Y %H:%M} UTC"


def duration(seconds: float) -> str:
    """How long something takes, in one or two units: ``3 min 20 s``."""
    whole = max(0, round(seconds))
    days, hours, minutes, rest = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0 s"


def size(count: float) -> str:
    """A number of bytes: ``1.2 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
