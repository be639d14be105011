"""Makes, changes and resumes schedules: what can be checked before their time is checked at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from anemoi.core.times import parse_duration

from ..records import ScheduleRecord
from ..services import Services
from ..submission import check_options
from . import cron
from .scheduler import dated


def make(services: Services, *, owner: str, **asked: Any) -> ScheduleRecord:
    """Make a schedule; it is described as for :func:`checked`.

    Raises
    ------
    AnemoiError
        As :func:`checked`.
    """
    return services.schedules.add(owner=owner, **checked(services, owner=owner, **asked))


def checked(
    services: Services,
    *,
    kind: str,
    options: Mapping[str, Any],
    cron: str,
    patience: str,
    enabled: bool = True,
    owner: str,
) -> dict[str, Any]:
    """What is recorded of a schedule, once it is checked as far as it can be before its time.

    Parameters
    ----------
    services
        The parts of the server.
    kind, options
        The job; ``{date}`` in its options is the time of each run.
    cron
        When.
    patience
        How long a run waits for its data: 12h.
    enabled
        Whether further times come.
    owner
        Who asks for it.

    Raises
    ------
    ConfigError
        If it names no time, or an option is wrong.
    AnemoiError
        What else :func:`.check_options` raises.
    """
    next_time = _next(cron)
    seconds = float(parse_duration(patience).astype(int))
    check_options(services, kind, dated(options, next_time), owner=owner)
    return {
        "kind": kind,
        "options": dict(options),
        "cron": cron,
        "patience": seconds,
        "enabled": enabled,
        "next": next_time,
    }


def pause(services: Services, schedule: ScheduleRecord) -> ScheduleRecord:
    """Let no further times come; a run that waits for its data goes on to do so."""
    return services.schedules.change(schedule.id, enabled=False)


def resume(services: Services, schedule: ScheduleRecord) -> ScheduleRecord:
    """Let times come again, from now on: those that have passed meanwhile are not made up."""
    if schedule.enabled:
        return schedule
    return services.schedules.change(schedule.id, enabled=True, next=_next(schedule.cron))


def _next(times: str) -> float:
    """The next time from now on."""
    cron.check(times)
    return cron.after(times, time.time())
