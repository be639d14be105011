"""From a job in the queue to an attempt that can travel to a worker."""

from __future__ import annotations

import numpy as np
from anemoi.core.times import parse_duration

from ..choices import mark, parameters
from ..job import Choice
from ..records import JobRecord, State
from ..services import Services
from .attempt import Attempt

_GIB = 2**30


def attempt_at(services: Services, record: JobRecord) -> Attempt:
    """What a worker needs to know of a job that has been claimed.

    Parameters
    ----------
    services
        The parts of the server.
    record
        The job.

    Raises
    ------
    NotThereError
        If its options name a job that there is not.
    """
    settings = services.settings
    running = settings.running
    return Attempt(
        job=record.id,
        number=record.attempt,
        kind=record.kind,
        options=dict(record.options),
        directory=str(settings.place / "work" / record.id),
        models=str(services.offers.models),
        results=str(services.offers.results),
        sources={name: dict(spec) for name, spec in services.offers.sources.items()},
        outputs={name: dict(spec) for name, spec in services.offers.outputs.items()},
        named=_named(services, record),
        threads=running.threads,
        time_limit=float(parse_duration(running.time_limit) / np.timedelta64(1, "s")),
        memory_limit=int(running.memory_limit * _GIB),
        environment=tuple(running.environment),
    )


def _named(services: Services, record: JobRecord) -> dict[str, str]:
    """The digests of the results that the options name, as far as they are the owner's."""
    found = {}
    for option, parameter in parameters(record.kind).items():
        choice, name = mark(parameter, Choice), record.options.get(option)
        if choice is not None and choice.of == "result" and isinstance(name, str):
            other = services.jobs.get(name)
            if other.owner == record.owner and other.state is State.FINISHED and other.result:
                found[name] = other.result
    return found
