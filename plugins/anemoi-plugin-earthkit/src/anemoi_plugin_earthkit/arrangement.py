"""The fields of an index as a sequence of states: which field is where, and that none lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from .accumulations import Accumulation, Accumulations, Terms
from .index import Index
from .spacing import equally_spaced

_SHOWN = 4


@dataclass(frozen=True)
class Arrangement:
    """What is read for which time, variable and member.

    Parameters
    ----------
    variables
        Their names.
    members
        The numbers of the ensemble members.
    times, frequency, missing
        As a data source has them.
    rows
        The row of each field in the index, ``(time, variable, member)``; -1 where there is none.
    sums
        The fields of :attr:`rows` that are made of several, by their place there.
    constants, accumulated
        The variables that do not change with time, and those that are accumulated from one time to the next.
    """

    variables: tuple[str, ...]
    members: tuple[int, ...]
    times: Times
    frequency: np.timedelta64
    missing: frozenset[np.datetime64]
    rows: NDArray[np.int32]
    sums: Mapping[tuple[int, int, int], Terms]
    constants: frozenset[str]
    accumulated: frozenset[str]

    def terms(self, time: int) -> Iterator[tuple[int, int, int, int]]:
        """List what the state at ``time`` is made of: row, sign, variable and member."""
        for (variable, member), row in np.ndenumerate(self.rows[time]):
            for each, sign in self.sums.get((time, variable, member), ((int(row), 1),)):
                yield each, sign, variable, member

    def used(self) -> NDArray[np.int32]:
        """List the rows of all that is read, in order of time, variable and member."""
        summed = [row for place in sorted(self.sums) for row, _ in self.sums[place]]
        return np.concatenate([self.rows[self.rows >= 0], np.array(summed, dtype=np.int32)])


def arrange(
    index: Index,
    where: str,
    *,
    select: Sequence[str] | None,
    constants: Sequence[str],
    frequency: str | None,
    skip_incomplete: bool,
) -> Arrangement:
    """Find the field of each time, variable and member.

    Parameters
    ----------
    index
        The fields there are.
    where
        Where they are from, for errors.
    select, constants, frequency, skip_incomplete
        The options of the sources.

    Raises
    ------
    DataError
        If a field lacks, is there twice, or in two units, or the times are not equally spaced: it names the
        field and the file.
    """
    return _Arranging(index, where, select, constants).arrange(frequency, skip_incomplete)


class _Arranging:
    def __init__(
        self, index: Index, where: str, select: Sequence[str] | None, constants: Sequence[str]
    ) -> None:
        self.index, self.where = index, where
        rows = index.rows
        names = [variable.name for variable in index.variables]
        there = list(dict.fromkeys(names))
        self.variables = tuple(there if select is None else select)
        for option, wanted in (("select", self.variables), ("constants", constants)):
            if absent := [name for name in wanted if name not in there]:
                raise DataError(
                    f"{where} has no {', '.join(absent)} ({option}).", fix=f"It has {', '.join(there)}."
                )
        if twice := sorted({name for name in self.variables if self.variables.count(name) > 1}):
            raise DataError(f"{', '.join(twice)} is selected more than once.", fix="Name each once.")
        self._check_units()
        place = {name: i for i, name in enumerate(self.variables)}
        self.variable = np.array([place.get(name, -1) for name in names])[rows["variable"]]
        undated = {self.variables[i] for i in np.unique(self.variable[np.isnat(rows["time"])]) if i >= 0}
        self.constants = [place[name] for name in {*constants, *undated} if name in place]
        self.changing = [i for i in range(len(self.variables)) if i not in self.constants]
        self.dated = np.flatnonzero((self.variable >= 0) & ~np.isin(self.variable, self.constants))
        if not len(self.dated):
            raise DataError(f"{where} has no field that changes with time.", fix="Select another variable.")
        self.members = np.unique(rows["member"][self.dated])

    def arrange(self, frequency: str | None, skip_incomplete: bool) -> Arrangement:
        rows = self.index.rows
        accumulated = ~np.isnat(rows["start"][self.dated])
        instants, accumulations = self.dated[~accumulated], self.dated[accumulated]
        there, first = np.unique(
            rows["time"][instants if len(instants) else accumulations], return_index=True
        )
        of_time = dict(zip(there, (instants if len(instants) else accumulations)[first], strict=True))
        times, step = equally_spaced(there, frequency, self._alone(), lambda time: self.tell(of_time[time]))
        found = np.full((len(times), len(self.variables), len(self.members)), -1, dtype=np.int32)
        self._place(found, times, step, instants)
        whole = rows["time"][accumulations] - rows["start"][accumulations] == step
        self._place(found, times, step, accumulations[whole])
        sums = self._sum(found, times, step, accumulations)
        self._repeat_constants(found)
        missing = self._missing(found, times, step, skip_incomplete, bool(len(accumulations)))
        members = tuple(self.members.tolist())
        constants, summed = (
            frozenset(self.variables[i] for i in some)
            for some in (self.constants, np.unique(self.variable[accumulations]))
        )
        return Arrangement(self.variables, members, times, step, missing, found, sums, constants, summed)

    def _alone(self) -> np.timedelta64 | None:
        """How far one time alone is from the next, as its fields tell.

        It is the time that they are accumulated over, or else the lead time: a forecast of one step.
        """
        rows = self.index.rows[self.dated]
        accumulated = rows[~np.isnat(rows["start"])]
        spans = (
            accumulated["time"] - accumulated["start"] if len(accumulated) else rows["time"] - rows["base"]
        )
        positive = spans[spans > np.timedelta64(0, "s")]
        return np.timedelta64(positive.min(), "s") if len(positive) else None

    def _place(
        self, found: NDArray[np.int32], times: Times, step: np.timedelta64, chosen: NDArray[np.intp]
    ) -> None:
        """Put fields in their places."""
        rows = self.index.rows
        apart = rows["time"][chosen] - times[0]
        on = (
            (apart % step == np.timedelta64(0))
            & (apart >= np.timedelta64(0))
            & (rows["time"][chosen] <= times[-1])
        )
        chosen, time = chosen[on], (apart[on] // step).astype(np.intp)
        member = np.searchsorted(self.members, rows["member"][chosen])
        places = np.ravel_multi_index((time, self.variable[chosen], member), found.shape)
        order = np.argsort(places, kind="stable")
        twice = np.flatnonzero(np.diff(places[order]) == 0)
        if len(twice):
            one, other = (int(chosen[order[twice[0] + i]]) for i in (0, 1))
            raise DataError(
                f"{self.tell(one)} is there twice: {self.origin(one)}, and {self.origin(other)}.",
                fix="Leave one of them out: give a path or a pattern that matches one of two files, "
                "or one forecast of several, or the fields without those of other levels or kinds.",
            )
        found.reshape(-1)[places] = chosen

    def _sum(
        self, found: NDArray[np.int32], times: Times, step: np.timedelta64, chosen: NDArray[np.intp]
    ) -> dict[tuple[int, int, int], Terms]:
        """Make accumulations over one step out of others."""
        rows = self.index.rows[chosen]
        start, end, base = (rows[name].astype("i8").tolist() for name in ("start", "time", "base"))
        there: dict[tuple[int, int], list[Accumulation]] = {}
        for i, row in enumerate(chosen):
            if start[i] != end[i]:  # Over no time at all there is none: step 0.
                key = (int(self.variable[row]), int(np.searchsorted(self.members, rows["member"][i])))
                there.setdefault(key, []).append(Accumulation(start[i], end[i], base[i], int(row)))
        sums: dict[tuple[int, int, int], Terms] = {}
        for (variable, member), fields in there.items():
            accumulations = Accumulations(fields)
            for time in np.flatnonzero(found[:, variable, member] < 0):
                until = int(times[time].astype("i8"))
                terms = accumulations.over(until - int(step.astype("i8")), until)
                if terms:
                    found[time, variable, member] = terms[0][0]
                    sums[int(time), variable, member] = terms
        return sums

    def _repeat_constants(self, found: NDArray[np.int32]) -> None:
        rows = self.index.rows
        for variable in self.constants:
            chosen = np.flatnonzero(self.variable == variable)
            # NaT, the time of what has none, is the smallest number.
            time = rows["time"][chosen].astype("i8")
            chosen = chosen[time == time.min()]
            of_member = dict(zip(rows["member"][chosen].tolist(), chosen.tolist(), strict=True))
            only = next(iter(of_member.values())) if len(of_member) == 1 else -1
            found[:, variable] = [of_member.get(member, only) for member in self.members.tolist()]

    def _missing(
        self,
        found: NDArray[np.int32],
        times: Times,
        step: np.timedelta64,
        skip: bool,
        accumulations: bool,
    ) -> frozenset[np.datetime64]:
        """The times without any field, and with ``skip`` those that lack one."""
        lacks: NDArray[np.bool_] = found < 0
        empty = lacks[:, self.changing].all(axis=(1, 2))
        partial = np.asarray(lacks.any(axis=(1, 2)) & ~empty)
        if partial.any() and not skip:
            raise self._incomplete(
                found, np.argwhere(lacks & partial[:, None, None]), times, step, accumulations
            )
        return frozenset(times[empty | partial])

    def _incomplete(
        self,
        found: NDArray[np.int32],
        places: NDArray[np.intp],
        times: Times,
        step: np.timedelta64,
        accumulations: bool,
    ) -> DataError:
        listed = [
            f"{self.variables[variable]} for {format_date(times[time])}"
            + (f", member {self.members[member]}" if len(self.members) > 1 else "")
            + f" (others of that time are in {self.index.path(int(found[time, self.changing].max()))})"
            for time, variable, member in places[:_SHOWN]
        ]
        more = f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        fix = (
            "Select variables that are there at all times (select=[...]); say which do not change with time "
            "(constants=[lsm,...]); or take such times as missing: skip_incomplete=true"
        )
        if accumulations:
            fix += f"\nAn accumulation needs fields that cover the {format_duration(step)} before its time."
        return DataError(f"{self.where} lacks fields: {'; '.join(listed)}{more}.", fix=fix)

    def _check_units(self) -> None:
        units: dict[str, int] = {}
        variables = self.index.variables
        for code, (name, unit, *_) in enumerate(variables):
            other = units.setdefault(name, code)
            if variables[other].units != unit and name in self.variables:
                one, two = (int(np.flatnonzero(self.index.rows["variable"] == c)[0]) for c in (other, code))
                raise DataError(
                    f"{name} is in {variables[other].units} in {self.index.path(one)}, "
                    f"but in {unit} in {self.index.path(two)}.",
                    fix="Leave one of them out: give another path or pattern.",
                )

    def tell(self, row: int) -> str:
        """A field and its file, in words."""
        entry = self.index.rows[row]
        member = f", member {entry['member']}," if len(self.members) > 1 else ""
        return f"{self.index.name(row)} for {format_date(entry['time'])}{member} in {self.index.path(row)}"

    def origin(self, row: int) -> str:
        """Where a field comes from, in words."""
        entry = self.index.rows[row]
        return f"from {format_date(entry['base'])} in {self.index.path(row)}"
