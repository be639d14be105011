"""Open a data source, and choose some of its times."""

from __future__ import annotations

from typing import Any

import numpy as np
from anemoi.core.interfaces.data_source import DataSource
from numpy.typing import NDArray

from ._check import Subject, require


def open_source(subject: Subject) -> DataSource:
    """A new one."""
    source: DataSource = subject.build()
    return source


def there(source: DataSource, most: int = 6) -> NDArray[np.datetime64]:
    """Some of the times that hold data, spread over the whole sequence."""
    times = np.array([time for time in source.times if time not in source.missing], dtype="datetime64[s]")
    require(len(times), "no time holds data")
    chosen: NDArray[np.datetime64] = times[
        np.unique(np.linspace(0, len(times) - 1, min(most, len(times))).astype(int))
    ]
    return chosen


def same_bytes(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are the same to the bit."""
    return one.shape == other.shape and one.tobytes() == other.tobytes()
