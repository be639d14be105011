"""Removes a model, unless somebody needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from anemoi.core.errors import PluginError

from .choices import chosen
from .errors import ConflictError
from .records import JobRecord, ScheduleRecord, State
from .services import Services


def remove_model(services: Services, name: str) -> None:
    """Remove the checkpoint of a model. Jobs that have ended stay, with their results.

    Parameters
    ----------
    services
        The parts of the server.
    name
        What jobs call it.

    Raises
    ------
    NotThereError
        If there is none.
    ConflictError
        If a job that waits or runs, or a schedule, names it.
    """
    path = services.offers.model(name)
    jobs = services.jobs.list(states=[State.QUEUED, State.RUNNING], limit=100_000)
    users = [f"job {each.id}" for each in _naming(name, jobs)]
    users += [f"schedule {each.id}" for each in _naming(name, services.schedules.list())]
    if users:
        more = f" and {len(users) - _TOLD} more" if len(users) > _TOLD else ""
        raise ConflictError(
            f"The model {name} is needed by {', '.join(users[:_TOLD])}{more}.",
            fix="Wait for these jobs to end, or cancel them; remove these schedules.",
        )
    path.unlink(missing_ok=True)


_TOLD = 5
"""How many of those that need a model are named."""


def _naming(name: str, records: Sequence[JobRecord | ScheduleRecord]) -> Iterator[JobRecord | ScheduleRecord]:
    for each in records:
        with suppress(PluginError):  # one whose plugin is gone can do nothing with it
            if name in chosen(each.kind, each.options, "model"):
                yield each
