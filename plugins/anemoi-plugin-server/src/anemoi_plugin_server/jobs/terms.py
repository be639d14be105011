"""The types of options that several jobs take."""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

import numpy as np
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.times import parse_date, parse_duration
from pydantic import Field

LONGEST: Final = np.timedelta64(100, "D")
"""How far a forecast goes at most."""

DATE: Final = r"^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2})?)?$"
Date: TypeAlias = Annotated[str, Field(pattern=DATE)]
"""A time, UTC: 2025-12-22T00."""

Duration: TypeAlias = Annotated[str, Field(pattern=r"^[1-9]\d{0,4}[hd]$")]
"""Hours or days: 72h, 10d."""

Latitude: TypeAlias = Annotated[float, Field(ge=-90, le=90)]
Longitude: TypeAlias = Annotated[float, Field(ge=-360, le=360)]
Area: TypeAlias = tuple[Latitude, Longitude, Latitude, Longitude]
"""North, west, south, east, in degrees."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")


def check_times(**dates: str | None) -> None:
    """Refuse times that no calendar has.

    Raises
    ------
    ConfigError
        With the option.
    """
    for option, date in dates.items():
        if date is not None:
            try:
                parse_date(date)
            except AnemoiError as error:
                raise ConfigError(f"{option}: {error.what}", fix=error.fix) from error


def check_lead_time(lead_time: str) -> None:
    """Refuse what is longer than any forecast.

    Raises
    ------
    ConfigError
        If it is.
    """
    if parse_duration(lead_time) > LONGEST:
        raise ConfigError(f"lead_time: {lead_time} is longer than 100 days.", fix="Write 10d.")


def check_area(area: Area | None) -> None:
    """Refuse an area whose north is not above its south.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if area is not None and area[0] <= area[2]:
        raise ConfigError(
            f"area: its north ({area[0]:g}) is not above its south ({area[2]:g}).",
            fix="Write north, west, south, east, in degrees: 70, -60, 25, 45.",
        )


def check_names(**options: list[str] | None) -> None:
    """Refuse names of variables that are none, so that no word is taken for something else.

    Raises
    ------
    ConfigError
        With the option.
    """
    for option, names in options.items():
        for name in names or ():
            if not _NAME.fullmatch(name):
                raise ConfigError(f"{option}: {name!r} is no name of a variable.")
