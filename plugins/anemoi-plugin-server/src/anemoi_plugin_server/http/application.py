"""Puts the application together."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from ..access import administration, login
from ..access.bodies import BodyLimit
from ..access.guard import Guard
from ..access.headers import SecurityHeaders
from ..access.provider import Provider
from ..operations import health
from ..operations.requests import Requests
from ..pages import install as install_pages
from ..services import Services
from . import events, fields, files, jobs, kinds, models, problems, schedules
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
    access = services.settings.access
    app.state.provider = Provider(access) if access.provider else None
    app.state.watcher = Watcher(services.jobs)
    problems.install(app)
    app.include_router(administration.router, prefix=API)
    app.include_router(events.router, prefix=API)
    app.include_router(fields.router, prefix=API)
    app.include_router(files.router, prefix=API)
    app.include_router(health.router)
    app.include_router(jobs.router, prefix=API)
    app.include_router(kinds.router, prefix=API)
    app.include_router(login.router)
    app.include_router(models.router, prefix=API)
    app.include_router(schedules.router, prefix=API)
    install_pages(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit, access=access)
    app.add_middleware(Guard, services=services)
    app.add_middleware(SecurityHeaders, secure=access.secure)
    app.add_middleware(Requests, telemetry=services.telemetry)
    return app
