"""From a request to a job in the queue: everything that can be checked is checked first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anemoi.core.config import build
from anemoi.core.errors import ConfigError

from . import choices
from .access import strangers
from .errors import ShareError
from .job import Job
from .records import JobRecord, State
from .services import Services


def submit(
    services: Services,
    kind: str,
    options: Mapping[str, Any],
    *,
    owner: str,
    schedule: str | None = None,
    request: str | None = None,
) -> JobRecord:
    """Check a job, and put it in the queue.

    Parameters
    ----------
    services
        The parts of the server.
    kind
        The component of the kind ``job``.
    options
        Its options, from a stranger.
    owner, schedule, request
        Who asks for it; see :class:`.JobRecord`.

    Raises
    ------
    PluginError
        If there is no such job.
    ConfigError
        With everything that is wrong with the options, what they name included.
    ShareError
        If too many jobs of the owner wait.
    """
    built = checked(kind, options)
    if wrong := list(choices.problems(services, kind, options, owner=owner)):
        raise ConfigError(
            "\n".join([f"The job {kind} cannot be done here.", *map(str, wrong)]), problems=wrong
        )
    built.check(services.offers)
    check_queue(services, owner)
    return services.jobs.submit(kind, options, owner=owner, schedule=schedule, request=request)


def checked(kind: str, options: Mapping[str, Any]) -> Job:
    """Build a job, with no trust in its options; :mod:`.strangers` says what is refused.

    Raises
    ------
    PluginError, ConfigError
        As :func:`submit`.
    """
    strangers.check(options)
    built: Job = build("job", {**options, "name": kind}, trust_code=False)
    return built


def check_queue(services: Services, owner: str) -> None:
    """Check that the owner may have another job in the queue.

    Raises
    ------
    ShareError
        If not: how many wait, and how many may.
    """
    most = services.settings.keeping.queue
    waiting = services.jobs.counts(owner=owner)[State.QUEUED]
    if waiting >= most:
        raise ShareError(
            f"{waiting} jobs of {owner} wait already, and no more than {most} may.",
            fix="Wait until some have begun, or cancel some.",
        )
