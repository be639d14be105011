"""What has to be known of the training data before the first step: from the store, or in one pass."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from anemoi.core.domain import Statistics
from anemoi.core.errors import DataError
from anemoi.core.files import appearing
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.moments import Moments
from anemoi.core.times import format_date
from anemoi.core.transforms import Measured
from numpy.typing import NDArray

Array = NDArray[Any]

_CHUNK = 32
"""Times read at once: enough to be quick, few enough for any grid."""

_LOOKED_AT = 8
"""How many states are looked at to see where a variable is missing, if its statistics are known already."""

Track = Callable[[Iterable[Array], int], Iterable[Array]]
"""Shows how far a pass over so many chunks of times has come."""


def untracked(chunks: Iterable[Array], count: int) -> Iterable[Array]:
    """Show nothing."""
    return chunks


@dataclass(frozen=True, eq=False)
class Known:
    """What the training data are like.

    Parameters
    ----------
    values, changes
        The statistics of each variable of the source and of its change over the interval.
    constants
        The fields of those variables that never change, ``(grid,)`` float32, by name.
    missing
        Where each variable with NaNs is NaN throughout, ``(grid,)`` bool, by name.
    measured
        As :attr:`anemoi.core.domain.Domain.measured`.
    gaps
        When each variable with NaNs has the first one, by name.
    """

    values: Statistics
    changes: Statistics
    constants: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    measured: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    gaps: Mapping[str, np.datetime64] = field(default_factory=dict)


def learn(
    source: DataSource,
    times: NDArray[np.datetime64],
    interval: np.timedelta64,
    transforms: Mapping[str, Mapping[str, Any]],
    measured: Measured | None,
    *,
    track: Track = untracked,
) -> Known:
    """Find out what the data of ``times`` are like.

    The statistics are those of the store, where it has them of this period and over this interval, and those
    of an earlier training on the same data; otherwise they are computed in one pass, and kept.

    Parameters
    ----------
    source
        The data.
    times
        The training period.
    interval
        What changes are taken over.
    transforms
        The chain of the domain, as the configuration has it.
    measured
        What has to be measured of values as these transforms leave them.
    track
        Shows how far the pass has come.

    Raises
    ------
    DataError
        If there are infinities, or fewer than two times ``interval`` apart.
    """
    present = np.array([time for time in times if time not in source.missing])
    if measured is None and (known := _of_store(source, present, times, interval)):
        return known
    kept = _kept_at(source, present, interval, None if measured is None else transforms)
    if (found := _load(kept)) is not None:
        return found
    found = _computed(source, present, interval, measured, track)
    _save(kept, found)
    return found


def _computed(
    source: DataSource,
    times: NDArray[np.datetime64],
    interval: np.timedelta64,
    measured: Measured | None,
    track: Track,
) -> Known:
    chunks = [times[begin : begin + _CHUNK] for begin in range(0, len(times), _CHUNK)]
    names = source.variables
    values, changes = Moments.none(len(names)), Moments.none(len(names))
    remapped = remapped_changes = Moments.none(0 if measured is None else len(measured.names))
    before: dict[np.datetime64, tuple[Array, Array | None]] = {}
    first: Array | None = None
    absent: Any = None
    gaps: dict[str, np.datetime64] = {}
    for chunk in track(chunks, len(chunks)):
        fields = source.read(chunk).astype(np.float64)  # (time, ensemble, grid, variable)
        _refuse_infinities(names, chunk, fields)
        views = None if measured is None else measured.apply(torch.from_numpy(fields), names).numpy()
        first = fields[0].mean(axis=0) if first is None else first  # (grid, variable)
        empty = np.isnan(fields)
        for column in np.flatnonzero(empty.any(axis=(0, 1, 2))):
            gaps.setdefault(names[column], chunk[empty[..., column].any(axis=(1, 2)).argmax()])
        everywhere = empty.all(axis=(0, 1))
        absent = everywhere if absent is None else absent & everywhere
        for number, time in enumerate(chunk):
            now = fields[number], None if views is None else views[number]
            values += _of(now[0])
            if now[1] is not None:
                remapped += _of(now[1])
            if (past := before.pop(time - interval, None)) is not None:
                changes += _of(now[0] - past[0])
                if now[1] is not None and past[1] is not None:
                    remapped_changes += _of(now[1] - past[1])
            before = {when: state for when, state in before.items() if when > time - interval}
            before[time] = now
    if first is None or not changes.count.any():
        raise DataError(
            f"The training period has {len(times)} times with data, no two of them consecutive.",
            fix="Choose a longer period: dates.start and dates.end.",
        )
    of_values, of_changes = values.statistics(), changes.statistics()
    still = (of_changes.minimum == 0) & (of_changes.maximum == 0)
    return Known(
        of_values,
        of_changes,
        constants={name: first[:, c].astype(np.float32) for c, name in enumerate(names) if still[c]},
        missing={name: absent[:, c] for c, name in enumerate(names) if name in gaps},
        measured=_rows(measured, remapped, remapped_changes),
        gaps=gaps,
    )


def _of(fields: Array) -> Moments:
    """The moments of each variable, of ``(..., variable)``."""
    return Moments.of(np.moveaxis(fields, -1, 0))


def _rows(measured: Measured | None, values: Moments, changes: Moments) -> dict[str, NDArray[np.float64]]:
    if measured is None:
        return {}
    both = [values.statistics(), changes.statistics()]
    table = np.array([[each.mean, each.stdev, each.minimum, each.maximum] for each in both])
    return {name: table[:, :, column] for column, name in enumerate(measured.names)}


def _refuse_infinities(names: Sequence[str], times: NDArray[np.datetime64], fields: Array) -> None:
    if not np.isinf(fields).any():
        return
    time, _, _, variable = (int(axis[0]) for axis in np.nonzero(np.isinf(fields)))
    raise DataError(
        f"The training data have infinities, the first in {names[variable]!r} at {format_date(times[time])}.",
        fix="Choose another period (dates.start, dates.end), or mend the data set.",
    )


def _of_store(
    source: DataSource,
    present: NDArray[np.datetime64],
    times: NDArray[np.datetime64],
    interval: np.timedelta64,
) -> Known | None:
    """What the store says, if that is of this period; where values are missing, a few states tell."""
    if source.statistics_period != (times[0], times[-1]) or interval not in source.changes:
        return None
    values, changes = source.statistics, source.changes[interval]
    names, metadata = source.variables, source.metadata
    gaps = [name for name in names if metadata[name].may_be_missing]
    still = [
        name
        for column, name in enumerate(names)
        if metadata[name].constant or changes.minimum[column] == changes.maximum[column] == 0
    ]
    some = present[np.unique(np.linspace(0, len(present) - 1, _LOOKED_AT).round().astype(int))]
    states = source.read(some if gaps else some[:1])  # (time, ensemble, grid, variable)
    absent: Any = np.isnan(states).all(axis=(0, 1))  # (grid, variable)
    place = {name: column for column, name in enumerate(names)}
    return Known(
        values,
        changes,
        constants={name: states[0, 0, :, place[name]].astype(np.float32) for name in still},
        missing={name: absent[:, place[name]] for name in gaps},
    )


def _kept_at(
    source: DataSource, present: NDArray[np.datetime64], interval: np.timedelta64, transforms: Any
) -> Path | None:
    """Where what was computed is kept; None for data without an identity.

    The identity of data need not follow from their values, so the first and the last state are looked at too.
    """
    identity = source.provenance.get("identity")
    if identity is None or not len(present):
        return None
    ends = source.read(present[[0, -1]])
    about = {
        "version": 1,
        "identity": identity,
        "variables": list(source.variables),
        "points": hashlib.sha256(source.grid.positions.tobytes()).hexdigest(),
        "times": hashlib.sha256(present.astype("datetime64[s]").tobytes()).hexdigest(),
        "ends": hashlib.sha256(np.ascontiguousarray(ends).tobytes()).hexdigest(),
        "interval": str(interval),
        "transforms": transforms,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    base = os.environ.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path.home() / ".cache") / "anemoi" / "statistics"
    return folder / f"{digest}.npz"


def _arrays(known: Known) -> Iterator[tuple[str, Array]]:
    for which, statistics in (("values", known.values), ("changes", known.changes)):
        for name, values in vars(statistics).items():
            yield f"{which}/{name}", values
    for which in ("constants", "missing", "measured", "gaps"):
        for name, values in getattr(known, which).items():
            yield f"{which}/{name}", np.asarray(values)


def _save(path: Path | None, known: Known) -> None:
    """Keep what was computed; a directory that cannot be written costs another pass, and no training."""
    if path is None:
        return
    arrays: dict[str, Any] = dict(_arrays(known))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing(path) as partial, partial.open("xb") as file:
            np.savez(file, **arrays)


def _load(path: Path | None) -> Known | None:
    if path is None or not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            read = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile):
        return None  # a damaged one costs another pass
    parts: dict[str, dict[str, Any]] = {
        which: {} for which in ("values", "changes", "constants", "missing", "measured", "gaps")
    }
    for name, values in read.items():
        which, _, rest = name.partition("/")
        parts[which][rest] = values
    return Known(
        Statistics(**parts["values"]),
        Statistics(**parts["changes"]),
        parts["constants"],
        parts["missing"],
        parts["measured"],
        {name: time[()] for name, time in parts["gaps"].items()},
    )
