"""The journals of coupled forecasts: one of each component, whose states the others may need to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.forecasting import Task
from anemoi.core.forecasting.journal import ForecastJournal
from anemoi.core.times import format_duration

from .exchange import Exchange

Tasks = Mapping[str, Task]
"""The forecast of each component from one date."""


def what_it_is(exchange: Exchange, interval: np.timedelta64, neighbours: int) -> dict[str, Any]:
    """What the forecast of a component depends on besides itself: the others, and how it hears them."""
    return {
        "coupling interval": format_duration(interval),
        "number of neighbours": neighbours,
        "coupling": exchange.identities,
    }


def journals_of(tasks: Tasks) -> list[ForecastJournal]:
    """Those of one date; none where no journal is kept."""
    return [task.journal for task in tasks.values() if task.journal is not None]


def check_journals(dates: Sequence[Tasks], steps: Mapping[str, int]) -> None:
    """Check that where one component is whole, the others need nothing of it any more.

    The journal of one is whole, and has no states any more, when those of all have every state. If another
    was removed by hand, that component would go on without what it has to hear.

    Parameters
    ----------
    dates
        The forecasts of each date.
    steps
        How many steps each component makes.

    Raises
    ------
    DataError
        If a journal is missing.
    """
    for tasks in dates:
        journals = {name: task.journal for name, task in tasks.items() if task.journal is not None}
        whole = [name for name, journal in journals.items() if journal.whole]
        for name, journal in journals.items():
            if whole and not journal.whole and len(journal) <= steps[name]:
                raise DataError(
                    f"The forecast of {whole[0]} is written and its journal has no states any more, but that "
                    f"of {name} has yet to be made.",
                    fix=f"Remove {journals[whole[0]].path} and give --overwrite, to start anew.",
                )
