"""Whether a forecast can start when it is to, told without reading a field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.config import build
from anemoi.core.errors import AnemoiError, ConfigError, NotThereError
from anemoi.core.interfaces import DataSource
from anemoi.core.times import format_date, format_duration, parse_date, parse_duration

from .models import Model


def check_dates(checkpoint: Path, start: str, lead_time: str, source: Mapping[str, Any] | None) -> None:
    """Check when a forecast starts and how far it goes.

    Parameters
    ----------
    checkpoint
        The model.
    start, lead_time
        As a request has them.
    source
        Where the initial state is read, whose times are looked at; None if nobody says.

    Raises
    ------
    ConfigError
        If they are no date and no duration, or the lead time is no multiple of the model's step.
    NotThereError
        If the source has no state of a date.
    """
    date, length = _read("start", parse_date, start), _read("lead_time", parse_duration, lead_time)
    domains = Model.read(checkpoint).inspection.document["domains"].values()
    for step in {np.timedelta64(each["steps"]["interval"], "s") for each in domains}:
        if not length or length % step:
            raise ConfigError(
                f"lead_time: {lead_time} is no multiple of {format_duration(step)}, the model's step.",
                fix="Choose a multiple of it, above zero.",
            )
    if source is not None:
        steps = {second for each in domains for second in each["steps"]["inputs"]}
        check_there(source, [date + np.timedelta64(second, "s") for second in sorted(steps)])


def check_there(source: Mapping[str, Any], dates: list[np.datetime64]) -> None:
    """Check that a source has states of all dates.

    Raises
    ------
    NotThereError
        If it has not (yet).
    AnemoiError
        If it cannot be opened.
    """
    opened: DataSource = build("source", source)
    there = set(opened.times) - opened.missing
    if absent := [date for date in dates if date not in there]:
        raise NotThereError(
            f"start: the source has no state of {', '.join(map(format_date, absent))}.",
            fix=f"It has those from {format_date(opened.times[0])} to {format_date(opened.times[-1])}"
            f" every {format_duration(opened.frequency)}"
            f"{f', {len(opened.missing)} of them missing' if opened.missing else ''}.",
        )


def _read(option: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except AnemoiError as error:
        raise ConfigError(f"{option}: {error.what}", fix=error.fix) from None
