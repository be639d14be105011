"""Which variables of a forecast are the two components of one wind."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anemoi.core.interfaces import ForecastDescription
from anemoi.core.units import same_unit
from anemoi.core.variable import Placed, Variable, placed

_COMPONENT = re.compile(r"(?P<height>\d*)u")


@dataclass(frozen=True)
class WindPair:
    """The eastward and the northward component of one wind.

    Parameters
    ----------
    u, v
        Their places among the variables.
    about
        What is known of the eastward one.
    at
        Where it lies.
    height
        The height above the ground in its name: ``10`` of ``10u``; empty on levels.
    """

    u: int
    v: int
    about: Variable
    at: Placed
    height: str


def wind_pairs(forecast: ForecastDescription) -> list[WindPair]:
    """Find the winds of which a forecast has both components, in the same units."""
    about = [forecast.about(name) for name in forecast.variables]
    at = [placed(each) for each in about]
    found = []
    for column, (each, place) in enumerate(zip(about, at, strict=True)):
        match = _COMPONENT.fullmatch(place.short_name)
        if match is None:
            continue
        other = Placed(f"{match['height']}v", place.level, place.level_type)
        if other in at:
            partner = about[at.index(other)]
            if same_unit(each.units or "", partner.units or "") and each.statistic == partner.statistic:
                found.append(WindPair(column, at.index(other), each, place, match["height"]))
    return found
