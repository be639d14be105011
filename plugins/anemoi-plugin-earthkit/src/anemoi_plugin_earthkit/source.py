"""What the sources ``grib`` and ``netcdf`` have in common: states out of the fields of many files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from anemoi.core.errors import AnemoiError, ConfigError, DataError, NotThereError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics, Times
from anemoi.core.moments import Moments
from anemoi.core.times import format_duration, parse_date, parse_duration
from anemoi.core.variable import Role, Variable
from numpy.typing import NDArray

from .arrangement import arrange
from .choice import Choice
from .fields import INSTANT, Described, Format
from .files import find_files
from .index import make_index
from .naming import named
from .periods import with_periods

T = TypeVar("T")

_STATISTICS: Final = {"accum": "accumulated", "avg": "averaged", "max": "maximum_over", "min": "minimum_over"}
"""The fields of :class:`~anemoi.core.variable.Variable` by what ecCodes calls them."""


class FieldSource(DataSource):
    """The fields of a file or of many, as states. It may be pickled, and used after a fork.

    Parameters
    ----------
    form
        The format of the files.
    where
        What the user knows them by: their path, or what was asked of a service.
    files
        The files; None for those that ``where`` means as a path.
    select
        The variables, in this order; without it all.
    frequency
        ``6h``: how far apart the states are, counted from the first; without it as close as the data are.
    constants
        Variables that do not change with time, such as ``lsm``: what is there first stands for all times.
    skip_incomplete
        Whether a time that lacks some of its fields is a missing time; otherwise it is an error.
    index
        A file to keep the list of fields in, so that a file is looked into again only when it has changed.
    expver
        The experiment to take, of several: ``0001``. Without it ERA5 is completed by ERA5T.
    base
        When the forecast began that is taken, of several: ``2020-01-01T06``, or ``latest``.
    step
        How long after the start of their forecast the fields are valid that are taken: ``24h`` (or ``0h``).
    members
        The numbers of the ensemble members that are taken; without it all.
    latest
        Whether of several forecasts for one time the latest is taken; otherwise that is an error.
    typed_levels
        Whether the names of variables on other levels than pressure say which: ``t_model_137``. If not, it is
        ``t_137`` for every type.
    periods
        What time sums, means and extremes are over where the files do not say it: ``{tp: 1h}``.

    Raises
    ------
    NotThereError
        If there is no file, or no such forecast, step or member.
    DataError
        If the files do not hold one sequence of states: it names the file and the field that is wrong.
    """

    def __init__(
        self,
        form: Format,
        where: str,
        files: Sequence[Path] | None = None,
        /,
        *,
        select: list[str] | None = None,
        frequency: str | None = None,
        constants: list[str] | None = None,
        skip_incomplete: bool = False,
        index: str | None = None,
        expver: str | None = None,
        base: str | None = None,
        step: str | None = None,
        members: list[int] | None = None,
        latest: bool = False,
        typed_levels: bool = True,
        periods: dict[str, str] | None = None,
    ) -> None:
        self._form, self._where = form, where
        kept = None if index is None else Path(index).expanduser().absolute()
        found = find_files(where, form, kept) if files is None else list(files)
        listed = make_index(found, form, kept)
        asked = [*(select or []), *(constants or [])]
        variables = named(listed.variables, asked, form.rename, typed=typed_levels)
        self._index = with_periods(replace(listed, variables=variables), periods or {}, where)
        if not len(self._index.rows):
            raise DataError(f"{where} holds no fields.", fix="Give another path.")
        self._arrangement = arrange(
            self._index,
            where,
            select=select,
            constants=constants or [],
            frequency=frequency,
            skip_incomplete=skip_incomplete,
            choice=Choice(expver=expver, base=base, step=step, members=members, latest=latest),
        )
        self._grid = self._one_grid()

    @classmethod
    def check_options(
        cls,
        *,
        frequency: str | None = None,
        base: str | None = None,
        periods: dict[str, str] | None = None,
        **others: Any,
    ) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        if frequency is not None:
            _require_readable("frequency", frequency, parse_duration)
        if base not in (None, "latest"):
            _require_readable("base", base, parse_date)
        for name, period in (periods or {}).items():
            _require_readable(f"periods.{name}", period, parse_duration)

    def __str__(self) -> str:
        return self._where

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of the variables: ``t_850`` on a pressure level in hPa, ``t_model_137`` on any other."""
        return self._arrangement.variables

    @property
    def times(self) -> Times:
        """Every time from the first to the last."""
        return self._arrangement.times

    @property
    def frequency(self) -> np.timedelta64:
        """The time from one state to the next."""
        return self._arrangement.frequency

    @property
    def grid(self) -> Grid:
        """The points, in the order of the files."""
        return self._grid

    @cached_property
    def statistics(self) -> Statistics:
        """The statistics of all that there is, which is read when they are first asked for."""
        moments = Moments.none(len(self.variables))
        for time in self.times:
            if time not in self.missing:
                moments += Moments.of(np.moveaxis(self.read([time]), -1, 0))
        return moments.statistics()

    @property
    def missing(self) -> frozenset[np.datetime64]:
        """The times that the files have no fields for."""
        return self._arrangement.missing

    @property
    def units(self) -> Mapping[str, str]:
        """The units of the variables, as the files have them."""
        return {name: known.units for name, known in self.metadata.items() if known.units is not None}

    @cached_property
    def metadata(self) -> Mapping[str, Variable]:
        """What the files say of each variable, and the option ``constants``."""
        said: dict[str, list[Described]] = {name: [] for name in self.variables}
        for described in self._index.variables:
            said.get(described.name, []).append(described)
        return {name: self._variable(each) for name, each in said.items()}

    @cached_property
    def provenance(self) -> Mapping[str, Any]:
        """The identity of the data, wherever the files are.

        It follows from the headers of the fields that are read, the lengths of their data and a number that
        likely differs where values do (in GRIB the reference value of each), not from all of the data.
        """
        index = self._index
        rows = index.rows[self._arrangement.used()]
        digest = hashlib.sha256(f"{self._form.name} {self.frequency}".encode())
        digest.update(json.dumps([[name, self.units.get(name)] for name in self.variables]).encode())
        for name in ("member", "time", "start", "base", "length", "fingerprint"):
            digest.update(np.ascontiguousarray(rows[name]).tobytes())
        return {
            "kind": "dataset",
            "identity": f"sha256:{digest.hexdigest()}",
            "format": self._form.name,
            "path": self._where,
            "files": len(np.unique(rows["file"])),
        }

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the states at ``times``, in any order, each as often as it is named.

        Returns
        -------
        NDArray
            ``(time, ensemble, grid, variable)`` float32, a view of memory in the order of the files,
            ``(time, variable, ensemble, grid)``.

        Raises
        ------
        NotThereError
            If a time is absent or missing, or a file is gone.
        DataError
            If a file is damaged or has changed.
        """
        wanted, place = np.unique(self._positions(times), return_inverse=True)
        arrangement, rows = self._arrangement, self._index.rows
        shape = (len(wanted), len(self.variables), len(arrangement.members), len(self.grid))
        out = np.zeros(shape, dtype=np.float32)
        terms = [
            (row, weight, i, v, m)
            for i, time in enumerate(wanted)
            for row, weight, v, m in arrangement.terms(time)
        ]
        terms.sort(key=lambda term: (rows["file"][term[0]], rows["offset"][term[0]]))
        for file, group in groupby(terms, key=lambda term: int(rows["file"][term[0]])):
            of_file = list(group)
            self._index.check_unchanged(file)
            places = [(int(rows["offset"][t[0]]), int(rows["length"][t[0]])) for t in of_file]
            path = Path(self._index.files[file][0])
            values = self._form.read(path, places, len(self.grid))
            for (_, weight, i, v, m), field in zip(of_file, values, strict=True):
                out[i, v, m] += field if weight == 1 else weight * field
        return out[place].transpose(0, 2, 3, 1)

    def _variable(self, said: Sequence[Described]) -> Variable:
        """Put together all that is said of a variable; what differs from field to field is not known."""
        arrangement, name = self._arrangement, said[0].name
        constant = name in arrangement.constants
        level, level_type = _only((each.level, each.level_type) for each in said) or (None, None)
        process, over = arrangement.statistics.get(name, (INSTANT, None))
        role = Role.PROGNOSTIC
        if constant:
            role, over = Role.FORCING, None
        elif process != INSTANT:
            role = Role.DIAGNOSTIC
        variable = Variable(
            name,
            role=role,
            units=said[0].units or None,
            level=level,
            level_type=level_type,
            constant=constant,
        )
        said_over: dict[str, Any] = {} if over is None else {_STATISTICS[process]: over}
        return replace(variable, **said_over)

    def _one_grid(self) -> Grid:
        """The grid of all fields, however many ways their headers have to describe it."""
        index = self._index
        used = np.unique(self._arrangement.used())
        _, first = np.unique(index.rows["grid"][used], return_index=True)
        samples = used[np.sort(first)]
        grids = []
        for row in samples:
            entry = index.rows[row]
            grids.append(self._form.grid(index.path(row), int(entry["offset"]), int(entry["length"])))
            if not grids[0].matches(grids[-1]):
                one, other = (
                    f"{index.name(each)} in {index.path(each)} has {len(grid)} points ({index.grid(each)})"
                    for each, grid in ((samples[0], grids[0]), (row, grids[-1]))
                )
                raise DataError(
                    f"{self} mixes grids: {one}, {other}.",
                    fix="Select variables of one grid (select=[...]), "
                    "or give a path or pattern for each grid.",
                )
        return grids[0]

    def _positions(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.intp]:
        asked = np.asarray(times, dtype="datetime64").reshape(-1)
        there = self.times
        # A finer time between two seconds must not be cut down to one that exists.
        index = np.searchsorted(there, asked.astype("datetime64[s]")).clip(max=len(there) - 1)
        absent = asked[there[index] != asked]
        if absent.size:
            raise NotThereError(
                f"{self} has no data for {absent[0]}: it holds {there[0]} to {there[-1]} "
                f"every {format_duration(self.frequency)}.",
                fix="Choose a time within that range.",
            )
        lost = next((time for time in there[index] if time in self.missing), None)
        if lost is not None:
            raise NotThereError(
                f"{self}: the data for {lost} are missing.",
                fix=f"Choose another time between {there[0]} and {there[-1]}.",
            )
        return np.asarray(index, dtype=np.intp)


def _only(values: Iterable[T]) -> T | None:
    """The value that all are, if they are one."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _require_readable(option: str, text: str, parse: Callable[[str], Any]) -> None:
    try:
        parse(text)
    except AnemoiError as error:
        raise ConfigError(f"{option}: {error.what}", fix=error.fix) from None
