"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from ..access.identity import Role, Runner
from ..errors import NotAllowedError
from ..records import JobRecord
from ..services import Services


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Parts = Annotated[Services, Depends(_services)]
"""A parameter of a route: the parts of the server."""


def _job(identifier: str, parts: Parts) -> JobRecord:
    return parts.jobs.get(identifier)


Found = Annotated[JobRecord, Depends(_job)]
"""A parameter of a route: the job that its path names."""


def _own(job: Found, user: Runner) -> JobRecord:
    if job.owner != user.name and user.role < Role.ADMINISTRATE:
        raise NotAllowedError(
            f"The job {job.id} is {job.owner}'s.", fix="Its owner or an administrator can change it."
        )
    return job


Own = Annotated[JobRecord, Depends(_own)]
"""A parameter of a route: the job that its path names, which the user may change."""
