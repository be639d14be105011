"""Puts the application together."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from ..services import Services
from . import events, files, jobs, kinds, models, problems
from .limits import BodyLimit
from .watching import Watcher

API = "/api/v1"
"""What every path of the API begins with."""


def application(services: Services) -> FastAPI:
    """The application of a server, which finds its parts in ``app.state.services``."""
    app = FastAPI(
        title="Anemoi",
        version=version("anemoi-plugin-server"),
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.watcher = Watcher(services.jobs)
    problems.install(app)
    app.add_middleware(BodyLimit, uploads=f"{API}/models/")
    app.include_router(events.router, prefix=API)
    app.include_router(files.router, prefix=API)
    app.include_router(jobs.router, prefix=API)
    app.include_router(kinds.router, prefix=API)
    app.include_router(models.router, prefix=API)
    return app
