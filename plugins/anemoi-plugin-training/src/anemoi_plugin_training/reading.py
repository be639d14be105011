"""Reading from a source that may stop answering for a while: a file system, a server."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from anemoi.core.errors import AnemoiError, DataError, NotThereError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.times import format_date
from numpy.typing import NDArray

WAITS = (1.0, 5.0, 25.0)
"""Seconds between the attempts."""

log = logging.getLogger("anemoi")


def read_patiently(source: DataSource, times: NDArray[np.datetime64]) -> NDArray[Any]:
    """Read times from a source, and again after a while where the data are not there.

    Data that are there and wrong stay so: that error is raised at once.

    Raises
    ------
    DataError
        If the last attempt has failed too.
    """
    between = f"{format_date(times.min())} and {format_date(times.max())}"
    for wait in WAITS:
        try:
            return source.read(times)
        except (OSError, NotThereError) as error:  # noqa: PERF203 - an attempt takes longer
            log.warning("States between %s cannot be read: %s Again in %g s.", between, error, wait)
            time.sleep(wait)
    try:
        return source.read(times)
    except (OSError, NotThereError) as error:
        what = error.what if isinstance(error, AnemoiError) else str(error)
        raise DataError(
            f"States between {between} could not be read in {len(WAITS) + 1} attempts: {what}",
            fix="See whether the data are there, and go on: anemoi train --resume RUN",
        ) from error
