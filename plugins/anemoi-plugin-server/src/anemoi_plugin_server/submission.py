"""From a request to a job in the queue: everything that can be checked is checked first."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

from anemoi.core.config import build
from anemoi.core.errors import ConfigError

from . import choices
from .access import strangers
from .errors import ShareError
from .job import Job
from .plugin_process import PLUGINS
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
    identifier: str | None = None,
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
    identifier
        What it is to be called, where that is decided; a job that is called so already is given back.

    Raises
    ------
    PluginError
        If there is no such job.
    ConfigError
        With everything that is wrong with the options, what they name included.
    ShareError
        If too many jobs of the owner wait, or their results take too much room.
    ResourceError
        If the disk is full, or the database is gone.
    """
    services.readiness.check()
    check_options(services, kind, options, owner=owner).check(services.offers)
    check_share(services, owner)
    return services.jobs.submit(
        kind, options, owner=owner, schedule=schedule, request=request, identifier=identifier
    )


def check_options(services: Services, kind: str, options: Mapping[str, Any], *, owner: str) -> Job:
    """Build a job, and check that what it names is offered to its owner.

    Raises
    ------
    PluginError, ConfigError
        As :func:`submit`.
    """
    built = checked(kind, options)
    if wrong := list(choices.problems(services, kind, options, owner=owner)):
        raise ConfigError(
            "\n".join([f"The job {kind} cannot be done here.", *map(str, wrong)]), problems=wrong
        )
    return built


def checked(kind: str, options: Mapping[str, Any]) -> Job:
    """Build a job, with no trust in its options; :mod:`.strangers` says what is refused.

    Raises
    ------
    PluginError, ConfigError
        As :func:`submit`.
    """
    strangers.check(options)
    if choices.names_component(options):
        packed = PLUGINS.do(_packed, kind, dict(options))
        if packed is not None:
            job: Job = pickle.loads(packed)
            return job
    return _built(kind, options)


def _packed(kind: str, options: Mapping[str, Any]) -> bytes | None:
    """The job as bytes; None of one that cannot be pickled, which is built where it is needed."""
    built = _built(kind, options)
    try:
        return pickle.dumps(built)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None


def _built(kind: str, options: Mapping[str, Any]) -> Job:
    built: Job = build("job", {**options, "name": kind}, trust_code=False)
    return built


def check_share(services: Services, owner: str) -> None:
    """Check that the owner may have another job in the queue.

    Raises
    ------
    ShareError
        If not: how many wait or how much their results take, and how much may.
    """
    keeping = services.settings.keeping
    waiting = services.jobs.counts(owner=owner)[State.QUEUED]
    if waiting >= keeping.queue:
        raise ShareError(
            f"{waiting} jobs of {owner} wait already, and no more than {keeping.queue} may.",
            fix="Wait until some have begun, or cancel some.",
        )
    if keeping.quota is None:
        return
    taken = services.jobs.usage(owner) / 2**30
    if taken >= keeping.quota:
        raise ShareError(
            f"The results of {owner} take {taken:.3g} GiB, and no more than {keeping.quota:g} GiB may.",
            fix="Remove jobs whose results are not needed any more.",
        )
