"""Whose jobs and results a user sees: their own; administrators those of all, and everybody if shared."""

from __future__ import annotations

from anemoi.core.errors import NotThereError

from ..records import JobRecord
from ..services import Services
from .identity import User
from .roles import Role


def owner_seen_by(services: Services, user: User) -> str | None:
    """The owner to whose jobs the lists of a user are restricted; None if they see those of all."""
    sees_all = services.settings.access.shared or user.role >= Role.ADMINISTRATE
    return None if sees_all else user.name


def job_seen_by(services: Services, user: User, identifier: str) -> JobRecord:
    """A job that a user may see.

    Raises
    ------
    NotThereError
        If there is none, or it is of somebody else: the same error, so that nobody learns which there are.
    """
    job = services.jobs.get(identifier)
    if owner_seen_by(services, user) in (None, job.owner):
        return job
    raise NotThereError(f"There is no job {identifier}.", fix="It may have been removed.")


def job_changed_by(services: Services, user: User, identifier: str) -> JobRecord:
    """A job that a user may cancel or remove: one of their own, or any if they administrate.

    Raises
    ------
    NotThereError
        If there is none, or it is of somebody else.
    """
    job = job_seen_by(services, user, identifier)
    if job.owner == user.name or user.role >= Role.ADMINISTRATE:
        return job
    raise NotThereError(
        f"{user.name} has no job {identifier}.", fix="Its owner, or an administrator, can change it."
    )
