"""From a request to a job in the queue: everything that can be checked is checked first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anemoi.core.config import build

from .access import strangers
from .job import Job
from .records import JobRecord
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
        With everything that is wrong with the options.
    RequestError, NotThereError
        If they name what the server does not offer.
    """
    checked(kind, options)
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
