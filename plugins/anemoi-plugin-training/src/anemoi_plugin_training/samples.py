"""The training period as samples: some states, and those that follow them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from anemoi.core.errors import DataError
from anemoi.core.forcings import Forcings
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.model import ModelStatistics
from anemoi.core.times import format_date, parse_date
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .settings import DateSettings

_CHUNK = 32
"""Times read at once while the statistics are made: enough to be quick, few enough for any grid."""


def training_times(source: DataSource, dates: DateSettings) -> NDArray[np.datetime64]:
    """Find the times of the training period, those of missing data included.

    Raises
    ------
    DataError
        If the source has none in it.
    """
    start = source.times[0] if dates.start is None else parse_date(dates.start)
    end = source.times[-1] if dates.end is None else parse_date(dates.end)
    times = source.times[(source.times >= start) & (source.times <= end)]
    if not len(times):
        first, last = (format_date(time) for time in (source.times[0], source.times[-1]))
        raise DataError(
            f"The data have no times from {format_date(start)} to {format_date(end)}.",
            fix=f"They reach from {first} to {last}: set dates.start and dates.end within.",
        )
    return times


def model_statistics(source: DataSource, times: NDArray[np.datetime64]) -> ModelStatistics:
    """Mean and standard deviation of the states, and of their changes, over ``times``, in one pass.

    Sums are taken in float64 about the first state, so that a mean far from zero costs no digits.

    Raises
    ------
    DataError
        If there are NaNs or infinities (it names the variable and the time), if a variable never
        changes, or if there are fewer than two consecutive times.
    """
    present = np.array([time for time in times if time not in source.missing])
    origin: NDArray[Any] | None = None
    last: NDArray[Any] | None = None
    last_time: np.datetime64 | None = None
    zero = np.zeros(len(source.variables))
    count, total, squares, changes, change_squares = 0, zero.copy(), zero.copy(), 0, zero.copy()
    change_total = zero.copy()
    for begin in range(0, len(present), _CHUNK):
        chunk = present[begin : begin + _CHUNK]
        fields = source.read(chunk).astype(np.float64)  # (time, ensemble, grid, variable)
        _refuse_nans(source, chunk, fields)
        if origin is None:
            origin = fields[0].mean(axis=(0, 1))
        fields -= origin
        count += fields[..., 0].size
        total += fields.sum(axis=(0, 1, 2))
        squares += (fields**2).sum(axis=(0, 1, 2))
        for time, field in zip(chunk, fields, strict=True):
            if last is not None and last_time is not None and time - last_time == source.frequency:
                change = field - last
                changes += change[..., 0].size
                change_total += change.sum(axis=(0, 1))
                change_squares += (change**2).sum(axis=(0, 1))
            last, last_time = field, time
    if origin is None or not changes:
        raise DataError(
            f"The training period has {len(present)} times with data, no two of them consecutive.",
            fix="Choose a longer period: dates.start and dates.end.",
        )
    mean = total / count
    stdev = np.sqrt(squares / count - mean**2)
    tendency_stdev = np.sqrt(change_squares / changes - (change_total / changes) ** 2)
    if not (tendency_stdev > 0).all():
        constant = [name for name, s in zip(source.variables, tendency_stdev, strict=True) if not s > 0]
        raise DataError(f"These variables never change in the training period: {', '.join(constant)}.")
    tensors = (torch.tensor(values, dtype=torch.float32) for values in (origin + mean, stdev, tendency_stdev))
    return ModelStatistics(*tensors)


def _refuse_nans(source: DataSource, times: NDArray[np.datetime64], fields: NDArray[np.float64]) -> None:
    if np.isfinite(fields).all():
        return
    time, _, _, variable = (int(axis[0]) for axis in np.nonzero(~np.isfinite(fields)))
    raise DataError(
        f"The training data have NaNs or infinities, the first in {source.variables[variable]!r} at "
        f"{format_date(times[time])}.",
        fix="Choose another period (dates.start, dates.end), or fill them in the data set.",
    )


@dataclass(frozen=True)
class Samples(Dataset[tuple[Tensor, Tensor]]):
    """Windows of consecutive states, without missing times within, and the forcings that go with them.

    Parameters
    ----------
    source
        Where the states are read.
    starts
        Position in ``source.times`` of the first state of each window.
    inputs
        How many states a forecast begins with.
    length
        How many states a window has, those and the ones that follow.
    forcings
        The names of the computed forcings.
    """

    source: DataSource
    starts: NDArray[np.int64]
    inputs: int
    length: int
    forcings: tuple[str, ...]

    @classmethod
    def within(
        cls,
        source: DataSource,
        times: NDArray[np.datetime64],
        *,
        inputs: int,
        rollout: int,
        forcings: tuple[str, ...],
    ) -> Samples:
        """Every window within ``times`` of ``inputs`` states and ``rollout`` that follow them.

        Raises
        ------
        DataError
            If there is none.
        """
        length = inputs + rollout
        first = int(np.searchsorted(source.times, times[0]))
        whole = np.array([time not in source.missing for time in times])
        windows = (
            np.lib.stride_tricks.sliding_window_view(whole, length)
            if len(whole) >= length
            else whole[:0, None]
        )
        starts = first + np.flatnonzero(windows.all(axis=1))
        if not len(starts):
            raise DataError(
                f"The training period has {len(times)} times, but no {length} consecutive ones with data.",
                fix="Choose a longer period (dates.start, dates.end) or a shorter training.rollout.",
            )
        return cls(source, starts, inputs, length, forcings)

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, positions: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Read the samples at ``positions`` as one batch, in order of time.

        Returns
        -------
        Tensor, Tensor
            States ``(batch, length, ensemble, grid, variable)``, in memory as the source gave them, and
            forcings ``(batch, rollout, grid, forcing)``, at the last of the states that each forecast step is
            made from.
        """
        windows = self.source.times[np.sort(self.starts[positions])[:, None] + np.arange(self.length)]
        states = torch.from_numpy(
            self.source.read(windows.ravel())
        )  # (batch x length, ensemble, grid, variable)
        last = windows[:, self.inputs - 1 : -1]
        known = torch.from_numpy(self._forcings.at(last.ravel()))  # (batch x rollout, grid, forcing)
        return states.view(*windows.shape, *states.shape[1:]), known.view(*last.shape, *known.shape[1:])

    @cached_property
    def _forcings(self) -> Forcings:
        grid = self.source.grid
        return Forcings(self.forcings, grid.latitudes, grid.longitudes)
