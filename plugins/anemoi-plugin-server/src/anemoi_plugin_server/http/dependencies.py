"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from ..access.identity import Runner, Viewer
from ..access.ownership import job_changed_by, job_seen_by
from ..records import JobRecord
from ..services import Services


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Parts = Annotated[Services, Depends(_services)]
"""A parameter of a route: the parts of the server."""


def _seen(identifier: str, parts: Parts, user: Viewer) -> JobRecord:
    return job_seen_by(parts, user, identifier)


def _changed(identifier: str, parts: Parts, user: Runner) -> JobRecord:
    return job_changed_by(parts, user, identifier)


Seen = Annotated[JobRecord, Depends(_seen)]
Changed = Annotated[JobRecord, Depends(_changed)]
"""Parameters of a route: the job that its path names, which the user may see, or change."""
