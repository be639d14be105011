"""What a training reads, in words."""

from __future__ import annotations

from anemoi.core.times import format_date

from .domains import Data
from .settings import DATA


def summary_of(name: str, data: Data) -> str:
    """One domain in a line or two: its period, and what its variables are for."""
    domain = data.domain
    title = "Data" if name == DATA else name.capitalize()
    first, last = format_date(data.times[0]), format_date(data.times[-1])
    constants = [each for each in domain.forcings if domain[each].constant and not domain[each].computed]
    read = [each for each in domain.forcings if each not in domain.fixed]
    parts = {
        "forcings": ", ".join(read),
        "constants": ", ".join(constants),
        "diagnostic": ", ".join(domain.diagnostic),
    }
    roles = "".join(f"; {role}: {names}" for role, names in parts.items() if names)
    states = f" of {', '.join(domain.prognostic)}" if domain.prognostic else ""
    return f"{title}: {first} to {last}, {len(data.times)} states{states} at {len(domain.grid)} points{roles}"
