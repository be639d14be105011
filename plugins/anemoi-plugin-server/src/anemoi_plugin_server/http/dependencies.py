"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from ..services import Services


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Parts = Annotated[Services, Depends(_services)]
"""A parameter of a route: the parts of the server."""
