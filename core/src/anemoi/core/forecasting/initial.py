"""What a forecast begins with: checked against the checkpoint, all mismatches said at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from ..checkpoint import Checkpoint
from ..errors import DataError
from ..interfaces.data_source import DataSource
from ..times import format_date, format_duration, parse_date, parse_duration
from ..units import same_unit

_MOST = 6
"""How many dates a message lists."""


def lead_times(
    checkpoint: Checkpoint, lead_time: str | timedelta | np.timedelta64
) -> NDArray[np.timedelta64]:
    """List the lead times up to ``lead_time``, ``(steps,)`` timedelta64[s], the first one step in.

    Raises
    ------
    AnemoiError
        If it is not a duration, or not one or more whole steps of the checkpoint.
    """
    step, end = checkpoint.frequency, parse_duration(lead_time)
    steps = int(end // step)
    if steps < 1 or end % step:
        raise DataError(
            f"The lead time {format_duration(end)} is not a multiple of the checkpoint's step of "
            f"{format_duration(step)}.",
            fix=f"Ask for one that is, such as {format_duration(max(steps, 1) * step)}.",
        )
    return np.asarray(np.arange(1, steps + 1) * step, dtype="timedelta64[s]")


def check_source(
    checkpoint: Checkpoint, source: DataSource, dates: Sequence[np.datetime64], *, input_steps: int
) -> None:
    """Check that forecasts from ``dates`` can begin with states of ``source``; no field is read.

    Raises
    ------
    DataError
        If not, with every reason there is.
    """
    before = np.arange(input_steps) * checkpoint.frequency
    times = np.unique([date - before for date in dates])
    if reasons := _mismatches(checkpoint, source, times):
        raise DataError(
            "A forecast cannot start from this source:\n" + "\n".join(f"- {reason}" for reason in reasons),
            fix="Choose another source or date. What the checkpoint needs: anemoi checkpoint inspect FILE",
        )


def initial_states(
    checkpoint: Checkpoint,
    source: DataSource,
    date: str | datetime | np.datetime64,
    *,
    input_steps: int,
    members: int,
) -> NDArray[np.float32]:
    """Read the states that a forecast from ``date`` begins with: the last of them at ``date``.

    A source of one member is given to each of ``members``; of a source of more, the first are taken.

    Returns
    -------
    NDArray
        ``(input_steps, members, grid, variable)``, the variables those of the checkpoint in its order.

    Raises
    ------
    DataError
        If the source does not fit the checkpoint, or does not hold these states: every reason there is.
    """
    start = parse_date(date)
    check_source(checkpoint, source, [start], input_steps=input_steps)
    times = start - np.arange(input_steps)[::-1] * checkpoint.frequency
    columns = [source.variables.index(name) for name in checkpoint.variables]
    fields = source.read(times)[..., columns]  # (input_steps, ensemble, grid, variable)
    if fields.shape[1] not in (1, *range(members, fields.shape[1] + 1)):
        raise DataError(
            f"The source has {fields.shape[1]} members, too few for {members}.",
            fix=f"Ask for at most {fields.shape[1]} members.",
        )
    _check_finite(fields, checkpoint.variables, times)
    shape = (input_steps, members, *fields.shape[2:])
    return np.array(np.broadcast_to(fields[:, :members], shape), dtype=np.float32, order="C")


def _mismatches(checkpoint: Checkpoint, source: DataSource, times: NDArray[np.datetime64]) -> list[str]:
    reasons = []
    if absent := [name for name in checkpoint.variables if name not in source.variables]:
        reasons.append(f"it has no {', '.join(absent)}; it has {', '.join(source.variables)}")
    theirs, ours = source.units, checkpoint.units
    reasons += [
        f"its {name} is in {theirs[name]}, the checkpoint's in {ours[name]}"
        for name in checkpoint.variables
        if name in ours and name in theirs and not same_unit(theirs[name], ours[name])
    ]
    if not checkpoint.grid.matches(source.grid):
        same_size = len(checkpoint.grid) == len(source.grid)
        other = (
            "its points lie elsewhere, or in another order"
            if same_size
            else f"it has {len(source.grid)} points"
        )
        reasons.append(f"the checkpoint's grid has {len(checkpoint.grid)} points, but {other}")
    if source.frequency != checkpoint.frequency:
        reasons.append(
            f"the checkpoint's states are {format_duration(checkpoint.frequency)} apart, "
            f"its are {format_duration(source.frequency)} apart"
        )
    there = set(source.times.astype("datetime64[s]").tolist())
    missing = {time.astype("datetime64[s]") for time in source.missing}
    if outside := [time for time in times if time.tolist() not in there]:
        reasons.append(
            f"it has no state at {_listed(outside)}; its states run from {format_date(source.times[0])} "
            f"to {format_date(source.times[-1])} every {format_duration(source.frequency)}"
        )
    if lost := [time for time in times if time in missing]:
        reasons.append(f"its state at {_listed(lost)} is missing")
    return reasons


def _listed(times: Iterable[np.datetime64]) -> str:
    *first, last = [format_date(time) for time in times]
    if len(first) >= _MOST:
        first, last = first[: _MOST - 1], f"{len(first) - _MOST + 2} more"
    return f"{', '.join(first)} and {last}" if first else last


def _check_finite(
    fields: NDArray[np.float32], variables: tuple[str, ...], times: NDArray[np.datetime64]
) -> None:
    bad = (~np.isfinite(fields)).sum(axis=(0, 1, 2))  # (variable,)
    if bad.any():
        size = fields[..., 0].size
        listed = ", ".join(
            f"{name} ({count} of {size})" for name, count in zip(variables, bad, strict=True) if count
        )
        raise DataError(
            f"The initial states at {_listed(times)} hold values that are not finite: {listed}.",
            fix="Start from another date, or mend the data.",
        )
