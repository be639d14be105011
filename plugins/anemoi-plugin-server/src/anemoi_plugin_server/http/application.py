"""Puts the application together."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI

from ..pages import install as install_pages
from ..services import Services
from . import fields, jobs, problems

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
    problems.install(app)
    app.include_router(fields.router, prefix=API)
    app.include_router(jobs.router, prefix=API)
    install_pages(app)
    return app
