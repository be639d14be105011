"""The fields of an index as a sequence of states: which field is where, and that none lacks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import Times
from anemoi.core.times import format_date, format_duration
from numpy.typing import NDArray

from .accumulations import Accumulation, Accumulations, Terms
from .choice import Choice, SeveralWarning, choose
from .fields import INSTANT, Described
from .index import Index
from .periods import warn_of_unsaid
from .spacing import equally_spaced

_SHOWN = 4

_ALL = Choice()

_UNDERSTOOD = frozenset({INSTANT, "accum", "avg", "max", "min"})

Weighted = tuple[tuple[int, float], ...]
"""Rows, each with what to multiply it with."""


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
    constants
        The variables that do not change with time.
    statistics
        What of some time variables are that are not of one time, as ``stepType`` says it, and that time; None
        where it is not known.
    """

    variables: tuple[str, ...]
    members: tuple[int, ...]
    times: Times
    frequency: np.timedelta64
    missing: frozenset[np.datetime64]
    rows: NDArray[np.int32]
    sums: Mapping[tuple[int, int, int], Weighted]
    constants: frozenset[str]
    statistics: Mapping[str, tuple[str, np.timedelta64 | None]]

    def terms(self, time: int) -> Iterator[tuple[int, float, int, int]]:
        """List what the state at ``time`` is made of: row, weight, variable and member."""
        for (variable, member), row in np.ndenumerate(self.rows[time]):
            for each, weight in self.sums.get((time, variable, member), ((int(row), 1),)):
                yield each, weight, variable, member

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
    choice: Choice = _ALL,
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
    choice
        What is taken of several.

    Raises
    ------
    DataError
        If a field lacks, is there twice, or in two units, or the times are not equally spaced: it names the
        field and the file.
    """
    arranging = _Arranging(index, where, select, constants, choice)
    return arranging.arrange(frequency, skip_incomplete)


class _Arranging:
    def __init__(
        self,
        index: Index,
        where: str,
        select: Sequence[str] | None,
        constants: Sequence[str],
        choice: Choice,
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
        self._check_alike()
        place = {name: i for i, name in enumerate(self.variables)}
        self.variable = np.array([place.get(name, -1) for name in names])[rows["variable"]]
        undated = {self.variables[i] for i in np.unique(self.variable[np.isnat(rows["time"])]) if i >= 0}
        self.constants = [place[name] for name in {*constants, *undated} if name in place]
        self.changing = [i for i in range(len(self.variables)) if i not in self.constants]
        self.dated = np.flatnonzero((self.variable >= 0) & ~np.isin(self.variable, self.constants))
        if not len(self.dated):
            raise DataError(f"{where} has no field that changes with time.", fix="Select another variable.")
        self.dated = choose(index, self.dated, where, choice)
        self.members = np.unique(rows["member"][self.dated])
        self.process = np.array([variable.process for variable in index.variables])[rows["variable"]]
        self._check_processes()

    def arrange(self, frequency: str | None, skip_incomplete: bool) -> Arrangement:
        rows = self.index.rows
        summable = self._summable()
        instants, sums = self.dated[~summable], self.dated[summable]
        there, first = np.unique(rows["time"][instants if len(instants) else sums], return_index=True)
        of_time = dict(zip(there, (instants if len(instants) else sums)[first], strict=True))
        times, step = equally_spaced(there, frequency, self._alone(), lambda time: self.tell(of_time[time]))
        found = np.full((len(times), len(self.variables), len(self.members)), -1, dtype=np.int32)
        self._place(found, times, step, instants)
        whole = rows["time"][sums] - rows["start"][sums] == step
        self._place(found, times, step, sums[whole])
        made_of = self._sum(found, times, step, sums)
        self._repeat_constants(found)
        missing = self._missing(found, times, step, skip_incomplete, bool(len(sums)))
        members = tuple(self.members.tolist())
        constants = frozenset(self.variables[i] for i in self.constants)
        statistics = self._statistics(set(self.variable[sums].tolist()), step)
        return Arrangement(
            self.variables, members, times, step, missing, found, made_of, constants, statistics
        )

    def _summable(self) -> NDArray[np.bool_]:
        """Which of the dated fields are made to be over one step: sums, and what is over several periods."""
        rows = self.index.rows[self.dated]
        variable, over = self.variable[self.dated], rows["time"] - rows["start"]
        of_period = ~np.isnat(rows["start"])
        chosen: NDArray[np.bool_] = of_period & (self.process[self.dated] == "accum")
        for each in np.unique(variable[of_period & ~chosen]):
            of_it = of_period & (variable == each)
            if len(np.unique(over[of_it])) > 1:
                chosen |= of_it
        return chosen

    def _statistics(
        self, over_step: set[int], step: np.timedelta64
    ) -> dict[str, tuple[str, np.timedelta64 | None]]:
        rows, found = self.index.rows, {}
        for place, name in enumerate(self.variables):
            of_it = self.dated[self.variable[self.dated] == place]
            processes = set(self.process[of_it].tolist()) - {INSTANT}
            if not processes:
                continue
            over = rows["time"][of_it] - rows["start"][of_it]
            over = over[~np.isnat(over)]
            period = step if place in over_step else np.timedelta64(over[0], "s") if len(over) else None
            found[name] = (processes.pop(), period)
        warn_of_unsaid(self.where, [(name, each[0]) for name, each in found.items() if each[1] is None])
        return found

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
                fix="Say which forecast to take: latest=true, or base=DATE of its start. "
                "Or leave one out: give a path or a pattern that matches one of two files.",
            )
        found.reshape(-1)[places] = chosen

    def _sum(
        self, found: NDArray[np.int32], times: Times, step: np.timedelta64, chosen: NDArray[np.intp]
    ) -> dict[tuple[int, int, int], Weighted]:
        """Make sums and means over one step out of others; extremes cannot be made so."""
        rows = self.index.rows[chosen]
        start, end, base = (rows[name].astype("i8").tolist() for name in ("start", "time", "base"))
        there: dict[tuple[int, int], list[Accumulation]] = {}
        for i, row in enumerate(chosen):
            if start[i] != end[i]:  # Over no time at all there is none: step 0.
                key = (int(self.variable[row]), int(np.searchsorted(self.members, rows["member"][i])))
                there.setdefault(key, []).append(Accumulation(start[i], end[i], base[i], int(row)))
        sums: dict[tuple[int, int, int], Weighted] = {}
        several = []
        for (variable, member), fields in there.items():
            process = self.process[fields[0].row]
            if process not in ("accum", "avg"):
                continue
            if len({(field.end, field.base) for field in fields}) > len({field.end for field in fields}):
                several.append(self.variables[variable])
            accumulations = Accumulations(fields)
            for time in np.flatnonzero(found[:, variable, member] < 0):
                until = int(times[time].astype("i8"))
                terms = accumulations.over(until - int(step.astype("i8")), until)
                if terms:
                    found[time, variable, member] = terms[0][0]
                    sums[int(time), variable, member] = self._weighted(terms, process, step)
        if several:
            warnings.warn(
                f"{self.where} has several forecasts of {', '.join(dict.fromkeys(several))} at the same "
                "times: the latest that will do are taken. To choose: base=DATE",
                SeveralWarning,
                stacklevel=6,
            )
        return sums

    def _weighted(self, terms: Terms, process: str, step: np.timedelta64) -> Weighted:
        """What each field counts: a mean as much as it is longer than the step."""
        rows = self.index.rows
        if process == "accum":
            return terms
        return tuple(
            (row, float(sign * ((rows["time"][row] - rows["start"][row]) / step))) for row, sign in terms
        )

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
        """The times without any field, and with ``skip`` those that lack one, unless that is all of them."""
        lacks: NDArray[np.bool_] = found < 0
        rows = self.index.rows[self.dated]
        # Over no time at all, as at step 0 of a forecast, there is nothing.
        there = np.isin(times, rows["time"][np.isnat(rows["start"]) | (rows["start"] != rows["time"])])
        empty = lacks[:, self.changing].all(axis=(1, 2)) & ~there
        partial = np.asarray(lacks.any(axis=(1, 2)) & ~empty)
        if partial.any() and (not skip or (empty | partial).all()):
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
            + self._others(found[time, self.changing])
            + self._periods(variable)
            for time, variable, member in places[:_SHOWN]
        ]
        more = f"; and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
        fix = (
            "Select variables that are there at all times (select=[...]); say which do not change with time "
            "(constants=[lsm,...]); or take such times as missing: skip_incomplete=true"
        )
        if accumulations:
            fix += f"\nA sum or a mean needs fields that cover the {format_duration(step)} before its time."
        return DataError(f"{self.where} lacks fields: {'; '.join(listed)}{more}.", fix=fix)

    def _others(self, found: NDArray[np.int32]) -> str:
        """Where the other fields of a time are, in words."""
        row = int(found.max())
        return f" (others of that time are in {self.index.path(row)})" if row >= 0 else ""

    def _periods(self, variable: int) -> str:
        """The periods that the fields of a variable are over, in words; empty if they are over none."""
        rows = self.index.rows[self.dated[self.variable[self.dated] == variable]]
        over = np.unique((rows["time"] - rows["start"])[~np.isnat(rows["start"])])
        over = over[over > np.timedelta64(0, "s")]
        shown = [format_duration(each) for each in over[:_SHOWN]]
        return f" (its fields are over {', '.join(shown)})" if shown else ""

    def _check_processes(self) -> None:
        """See that all fields of a variable are of one process, and of one that is understood."""
        rows = self.index.rows[self.dated]
        # What a sum has at the start of a forecast is often called an instant.
        started = (self.process[self.dated] == INSTANT) & (rows["time"] == rows["base"])
        for place, name in enumerate(self.variables):
            of_it = self.variable[self.dated] == place
            found = sorted(set(self.process[self.dated[of_it]].tolist()))
            if len(found) > 1 and found != ["accum", INSTANT]:
                raise DataError(
                    f"{name} in {self.where} is of several kinds: {', '.join(found)} (stepType).",
                    fix=f"Write each to a file of its own: grib_copy -w stepType={found[0]} IN OUT",
                )
            if len(found) > 1 and not started[of_it & (self.process[self.dated] == INSTANT)].all():
                raise DataError(
                    f"{name} in {self.where} is accumulated in some fields, and of one time in others.",
                    fix=f"Write each to a file of its own: grib_copy -w stepType={INSTANT} IN OUT",
                )
            over_time = of_it & (self.process[self.dated] != INSTANT)
            unsaid = np.isnat(rows["start"][over_time])
            if unsaid.any() and not unsaid.all():
                row = int(self.dated[over_time][unsaid][0])
                raise DataError(
                    f"{name} in {self.where} is over a known time in some fields, and in others not: "
                    f"{self.tell(row)} does not say it.",
                    fix=f"Say it: periods={{{name}: 1h}}. NetCDF says it by bounds of the time.",
                )
            if strange := set(found) - _UNDERSTOOD:
                raise DataError(
                    f"{name} in {self.where} is the {strange.pop()} over some time (stepType), which is not "
                    "supported.",
                    fix="Leave it out: select=[...]",
                )

    def _check_alike(self) -> None:
        """See that all that is called by one name is one variable, in one unit."""
        first: dict[str, int] = {}
        variables = self.index.variables
        for code, variable in enumerate(variables):
            one = variables[first.setdefault(variable.name, code)]
            where = (one.level, one.level_type) != (variable.level, variable.level_type)
            if where and variable.name in self.variables:
                raise DataError(
                    f"Two variables in {self.where} are called {variable.name}: on {_at(one)}, and on "
                    f"{_at(variable)}.",
                    fix="Select others, or give a path or a pattern that matches one of them.",
                )
        self._check_units()

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


def _at(variable: Described) -> str:
    level = "" if variable.level is None else f" {variable.level:g}"
    return f"{variable.level_type or 'no level'}{level}"
