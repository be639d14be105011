"""The pages: made on the server from templates, and alive with a little JavaScript of their own."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from . import errors, home, jobs, maps, models, new, schedules

STATIC = "/static"
"""What the paths of style sheets and scripts begin with."""


def install(app: FastAPI) -> None:
    """Add the pages, and what they are styled and moved with, to an application."""
    for part in (home, jobs, maps, models, new, schedules):
        app.include_router(part.router)
    errors.install(app)
    app.mount(STATIC, StaticFiles(packages=[(__name__, "static")]), name="static")
