"""Makes a data set: from a recipe to a directory that has its name only when all of it is there."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core import config
from anemoi.core.errors import DataError
from anemoi.core.files import put_in_place
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.provenance import provenance
from anemoi.core.times import format_date, format_duration
from anemoi.core.variable import Role
from numpy.typing import NDArray

from ..content import record_content
from ..dataset import Dataset
from ..implausible import shares
from ..metadata import write_variable
from ..placing import check_replaceable, check_suffix, unwritable
from ..reader import reader
from ..store import create_array, create_group, reopen_group
from ..views.period import Period
from ..writer import describe
from .cluster import write_dates_on_cluster
from .journal import CreationJournal
from .reading_back import Found, read_back
from .recipe import Recipe, StatisticsPeriod, filtered
from .work import Work, write_dates


@dataclass(frozen=True)
class Creation:
    """How far a creation is.

    Parameters
    ----------
    written
        How many dates are written.
    dates
        How many there will be.
    """

    written: int
    dates: int


def create(
    recipe: Recipe,
    path: str | Path,
    *,
    workers: int = 1,
    dask: bool = False,
    dask_scheduler: str | None = None,
    overwrite: bool = False,
    append: bool = False,
    progress: Callable[[Creation], None] = lambda creation: None,
    tell: Callable[[str], None] = lambda said: None,
) -> Path:
    """Make the data set that ``recipe`` describes.

    It grows in the hidden directory ``.NAME.partial`` beside ``path``, and takes its name when all of it has
    been written and read back. If this is interrupted in any way, the same call goes on where it was, without
    ``overwrite``.

    Parameters
    ----------
    recipe
        What to make.
    path
        The directory to make.
    workers
        How many processes read and write; one reads date after date, and writes in as many threads as there
        are processors. More help where the source is slow.
    dask
        Whether the workers of a Dask cluster read and write, all of which see the directory: the one that
        Dask is configured for, or one of ``workers`` processes on this machine.
    dask_scheduler
        The address of the scheduler of another one.
    overwrite
        Whether to begin anew, and replace a data set at ``path`` and what an interrupted creation has left.
    append
        Whether to replace a data set at ``path`` by itself and the later times of the source.
    progress
        Told how far it is.
    tell
        Told what was found, a sentence each: which variables have missing values, and how many.

    Returns
    -------
    Path
        The data set.

    Raises
    ------
    AnemoiError
        If it cannot be made: what was written until then stays for the next call.
    """
    path = Path(path).expanduser().absolute()
    check_suffix(path, "create", ".zarr")
    partial = path.with_name(f".{path.name}.partial")
    journal = CreationJournal(partial)
    # What was begun with leave to replace something goes on with it.
    replaces = overwrite or append or (journal.plan() or {}).get("overwrite", False)
    check_replaceable(path, replaces)
    described = filtered(recipe)
    source: DataSource = config.build("source", described)
    earlier = _earlier(path, source) if append else None
    plan = _plan(recipe, source, earlier)
    try:
        with journal.lock():
            _prepare(journal, partial, plan, source, overwrite)
            there = np.array([time not in source.missing for time in source.times])
            dates = np.flatnonzero(there)
            left = sorted(set(dates.tolist()) - journal.written())
            work = Work(
                directory=partial,
                target=path,
                source=dict(described),
                earlier=None if earlier is None else {"name": "zarr", "path": str(path)},
                times=source.times,
                allow_nans=recipe.allow_nans,
                allow_implausible=recipe.allow_implausible,
                fill_values=tuple(recipe.fill_values),
            )
            done = len(dates) - len(left)
            progress(Creation(done, len(dates)))
            for _ in (
                write_dates_on_cluster(work, left, dask_scheduler, workers)
                if dask or dask_scheduler is not None
                else write_dates(work, left, source, workers)
            ):
                done += 1
                progress(Creation(done, len(dates)))
            _finish(partial, journal, recipe, source, dates, tell)
            check_replaceable(path, replaces)
            journal.remove()
            put_in_place(partial, path)
    except OSError as error:
        raise unwritable(path, error) from error
    return path


def _earlier(path: Path, source: DataSource) -> Dataset | None:
    """Open the data set that is to be appended to, where there is one, and check that the source goes on."""
    if not path.exists():
        return None
    earlier = Dataset(str(path))
    faults = {
        "variables": earlier.variables != source.variables,
        "grid": not earlier.grid.matches(source.grid),
        "frequency": earlier.frequency != source.frequency,
        "first time": earlier.times[0] != source.times[0],
        "missing times": earlier.missing != {time for time in source.missing if time <= earlier.times[-1]},
    }
    wrong = [name for name, differs in faults.items() if differs]
    if wrong or len(source.times) < len(earlier.times):
        raise DataError(
            f"{path} cannot be appended to: the source has other {', '.join(wrong or ['times'])}.",
            fix="Append from the source that it was made from, or make another data set.",
        )
    return earlier


def _plan(recipe: Recipe, source: DataSource, earlier: Dataset | None) -> dict[str, Any]:
    """All that must be the same for a creation to go on."""
    grid = hashlib.sha256(source.grid.latitudes.tobytes() + source.grid.longitudes.tobytes())
    return {
        "recipe": asdict(recipe),
        "source": source.provenance["identity"],
        "earlier": None if earlier is None else earlier.provenance["identity"],
        "variables": list(source.variables),
        "times": [str(source.times[0]), str(source.times[-1]), format_duration(source.frequency)],
        "missing": sorted(map(str, source.missing)),
        "grid": grid.hexdigest(),
    }


def _prepare(
    journal: CreationJournal, partial: Path, plan: Mapping[str, Any], source: DataSource, overwrite: bool
) -> None:
    """Make the empty array, or check that what was begun is the same."""
    begun = None if overwrite else journal.plan()
    if begun is not None:
        differing = [name for name, value in plan.items() if begun.get(name) != value]
        if differing:
            raise DataError(
                f"{partial} holds an unfinished data set of another {', '.join(differing)}.",
                fix="Finish that one with its own recipe, or begin anew: --overwrite",
            )
        return
    journal.clear()
    members = reader(source).members
    group = create_group(partial, beside=True)
    shape = (len(source.times), len(source.variables), members, len(source.grid))
    create_array(
        group,
        "data",
        dimensions=("time", "variable", "ensemble", "cell"),
        shape=shape,
        chunks=(1, *shape[1:]),
        dtype="float32",
    )
    journal.begin({**plan, "overwrite": overwrite})


def _finish(
    partial: Path,
    journal: CreationJournal,
    recipe: Recipe,
    source: DataSource,
    dates: NDArray[np.intp],
    tell: Callable[[str], None],
) -> None:
    """Read everything back, then write what describes it."""
    period = _statistics_times(recipe.statistics, source)
    found = read_back(partial, journal, source.times, dates, period)
    if not found.states.count.any():
        raise DataError(
            f"For the statistics there are no data from {format_date(period[0])} to "
            f"{format_date(period[-1])}.",
            fix="Choose another period: statistics.start and statistics.end.",
        )
    missing = {name: share for name, share in zip(source.variables, found.missing, strict=True) if share > 0}
    if missing:
        tell(f"Missing values (NaN): {shares(missing)}.")
    about = {name: getattr(recipe, name) for name in ("description", "licence", "attribution")}
    inherited = {name: source.provenance.get(name) for name in about}
    describe(
        reopen_group(partial),
        variables=source.variables,
        grid=source.grid,
        units=source.units,
        times=source.times,
        frequency=source.frequency,
        statistics=found.states.statistics(),
        statistics_period=period[[0, -1]],
        tendencies={source.frequency: found.changes.statistics()} if found.changes.count.any() else {},
        attributes={
            "uuid": str(uuid.uuid4()),
            **_about_variables(source, found),
            "missing_dates": [str(time) for time in sorted(source.missing)],
            "provenance": provenance(parents=[source.provenance], kind="dataset", recipe=asdict(recipe)),
            **{name: value or inherited[name] for name, value in about.items() if value or inherited[name]},
        },
    )
    record_content(partial)
    Dataset(str(partial))  # opens, so that it is known to be one


def _about_variables(source: DataSource, found: Found) -> dict[str, Any]:
    """Say what the source says of each variable, and what was found: constants and NaNs."""
    known = [source.metadata[name] for name in source.variables]
    if found.constant is not None:
        known = [
            replace(variable, constant=bool(same), role=Role.FORCING if same else variable.role)
            for variable, same in zip(known, found.constant, strict=True)
        ]
    with_nans = [name for name, some in zip(source.variables, found.missing, strict=True) if some > 0]
    return {
        "variables_metadata": {variable.name: write_variable(variable) for variable in known},
        "constant_fields": sorted(variable.name for variable in known if variable.constant),
        "variables_with_nans": with_nans,
        "allow_nans": with_nans or False,
    }


def _statistics_times(period: StatisticsPeriod, source: DataSource) -> Times:
    return Period(reader(source), start=period.start, end=period.end).times
