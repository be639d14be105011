"""Data sources."""

import os
import time as clock
from dataclasses import replace
from pathlib import Path

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import DataSource, Statistics
from anemoi.core.variable import Variable

from . import caught_by, new_folder, right

SIX = np.timedelta64(6 * 3600, "s")
CELLS, VARIABLES, STATES = 4000, ("t", "q"), 60


def make_data() -> Path:
    """Two variables of random numbers in a file, made once."""
    path = new_folder() / "data.npy"
    random = np.random.default_rng(0)
    values = random.normal(size=(STATES, 1, CELLS, 2)) * [20.0, 1e-3] + [280.0, 5e-3]
    np.save(path, values.astype(np.float32))
    return path


PATH = make_data()


@right("source")
class Whole(DataSource):
    """Reads a numpy file through a memory map; the fourth time is missing."""

    variables = VARIABLES
    frequency = SIX
    units = {"t": "K"}  # noqa: RUF012

    def __init__(self):
        self.open()

    def open(self):
        self.file = np.load(PATH, mmap_mode="r")

    @property
    def times(self):
        return np.datetime64("2020-01-01T00", "s") + np.arange(STATES) * SIX

    @property
    def grid(self):
        return Grid(np.linspace(-90.0, 90.0, CELLS), np.arange(CELLS) * 137.5 % 360)

    @property
    def statistics(self):
        return Statistics(
            np.array([280.0, 5e-3]), np.array([20.0, 1e-3]), np.array([180.0, 0.0]), np.array([380.0, 1e-2])
        )

    @property
    def metadata(self):
        return {"t": Variable("t", units="K"), "q": Variable("q", level=850.0, level_type="pressure")}

    @property
    def changes(self):
        zero, wide = np.zeros(2), np.array([28.0, 1.4e-3])
        return {SIX: Statistics(zero, wide, -5 * wide, 5 * wide)}

    @property
    def statistics_period(self):
        return self.times[0], self.times[-1]

    @property
    def missing(self):
        return frozenset(self.times[3:4])

    @property
    def provenance(self):
        return {"identity": "sha256:00"}

    def indices(self, times):
        found = []
        for time in times:
            where = np.flatnonzero(self.times == time)
            if not len(where) or time in self.missing:
                raise DataError(f"There is no {time}: {self.times[0]} to {self.times[-1]}.")
            found.append(int(where[0]))
        return found

    def read(self, times):
        return self.fields(self.indices(times))

    def fields(self, indices):
        return np.array(self.file[indices])


@right("source")
class TellsNothing(Whole):
    """Has the defaults: nothing but units is known of its variables."""

    metadata = DataSource.metadata
    changes = DataSource.changes
    statistics_period = DataSource.statistics_period


@caught_by("stays_right_in_any_order", "source")
class ForgetsWhereItWas(Whole):
    """After an error it reads the state that was asked for first."""

    failed = False

    def indices(self, times):
        try:
            found = super().indices(times)
        except DataError:
            self.failed = True
            raise
        return [0] * len(found) if self.failed else found


@caught_by("options_are_declared", "source")
class UntypedOption(Whole):
    def __init__(self, *, path=None):
        super().__init__()


@caught_by("opens", "source")
class NeedsAPath(Whole):
    def __init__(self, *, path: str):
        super().__init__()


@caught_by("has_equally_spaced_times", "source")
class HoleInTime(Whole):
    @property
    def times(self):
        return np.delete(super().times, 8)


@caught_by("has_equally_spaced_times", "source")
class WrongFrequency(Whole):
    frequency = 2 * SIX


@caught_by("has_unique_variables", "source")
class SameNameTwice(Whole):
    variables = ("t", "t")


@caught_by("has_unique_variables", "source")
class UnitsOfAStranger(Whole):
    units = {"u": "m s**-1"}  # noqa: RUF012


@caught_by("tells_what_each_variable_is", "source")
class TellsOfOne(Whole):
    @property
    def metadata(self):
        return {"t": super().metadata["t"]}


@caught_by("tells_what_each_variable_is", "source")
class TellsOfAStranger(Whole):
    @property
    def metadata(self):
        return {**super().metadata, "u": Variable("u")}


@caught_by("tells_what_each_variable_is", "source")
class TellsOfTheOther(Whole):
    @property
    def metadata(self):
        known = super().metadata
        return {**known, "q": replace(known["q"], name="t")}


@caught_by("tells_what_each_variable_is", "source")
class TellsOtherUnits(Whole):
    @property
    def metadata(self):
        known = super().metadata
        return {**known, "t": replace(known["t"], units="Celsius")}


@caught_by("has_a_grid_on_the_globe", "source")
class Milliradians(Whole):
    @property
    def grid(self):
        return replace(super().grid, longitudes=super().grid.longitudes * 17.45)


@caught_by("reads_states", "source")
class VariableFirst(Whole):
    def fields(self, indices):
        return super().fields(indices).transpose(0, 3, 1, 2)


@caught_by("reads_float32", "source")
class Doubles(Whole):
    def fields(self, indices):
        return super().fields(indices).astype(np.float64)


@caught_by("reads_the_same_twice", "source")
class SharesItsBuffer(Whole):
    """Hands out what it keeps."""

    def __init__(self):
        super().__init__()
        self.kept = {}

    def fields(self, indices):
        return self.kept.setdefault(tuple(indices), super().fields(indices))


@caught_by("reads_the_same_twice", "source")
class Noisy(Whole):
    def fields(self, indices):
        return super().fields(indices) + np.float32(clock.perf_counter() % 1)


@caught_by("reads_times_in_the_order_asked", "source")
class AlwaysSorted(Whole):
    def fields(self, indices):
        return super().fields(sorted(indices))


@caught_by("reads_times_in_the_order_asked", "source")
class EachTimeOnce(Whole):
    def fields(self, indices):
        return super().fields(list(dict.fromkeys(indices)))


@caught_by("reads_the_same_after_pickling", "source")
class LosesItsFile(Whole):
    def __getstate__(self):
        return {}


@caught_by("reads_the_same_after_pickling", "source")
class RemembersItsFileElsewhere(Whole):
    files = {}  # noqa: RUF012

    def open(self):
        super().open()
        self.files[str(PATH)] = self.file

    def __getstate__(self):
        return {"path": str(PATH)}

    def __setstate__(self, state):
        self.file = self.files[state["path"]]


@caught_by("reads_the_same_in_other_processes", "source")
class BoundToItsProcess(Whole):
    def __init__(self):
        super().__init__()
        self.owner = os.getpid()

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.__init__()

    def fields(self, indices):
        if os.getpid() != self.owner:
            raise RuntimeError("not my process")
        return super().fields(indices)


@caught_by("reads_the_same_in_other_processes", "source")
class SharesAFilePosition(Whole):
    """Two processes move each other's place in the file."""

    def open(self):
        self.handle = PATH.open("rb", buffering=0)

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        self.open()

    def fields(self, indices):
        size, start = CELLS * 2 * 4, PATH.stat().st_size - STATES * CELLS * 2 * 4
        found = []
        for index in indices:
            self.handle.seek(start + index * size)
            clock.sleep(0.001)
            found.append(np.frombuffer(self.handle.read(size), dtype=np.float32).reshape(1, CELLS, 2))
        return np.stack(found)


@caught_by("refuses_absent_times", "source")
class NearestTime(Whole):
    def indices(self, times):
        nearest = [int(np.abs(self.times - time).argmin()) for time in times]
        return super().indices(self.times[nearest])


@caught_by("refuses_absent_times", "source")
class KeyErrorForATime(Whole):
    def indices(self, times):
        places = {time: place for place, time in enumerate(self.times)}
        return (
            [places[time] for time in times]
            if not self.missing.intersection(times)
            else super().indices(times)
        )


@caught_by("refuses_missing_times", "source")
class ReadsWhatIsMissing(Whole):
    def indices(self, times):
        return [
            3 if time in self.missing else super(ReadsWhatIsMissing, self).indices([time])[0]
            for time in times
        ]


@caught_by("has_the_statistics_of_its_data", "source")
class StatisticsSwapped(Whole):
    @property
    def statistics(self):
        right = super().statistics
        return Statistics(right.mean[::-1], right.stdev[::-1], right.minimum[::-1], right.maximum[::-1])


@caught_by("has_the_statistics_of_its_data", "source")
class VarianceForDeviation(Whole):
    @property
    def statistics(self):
        return replace(super().statistics, stdev=super().statistics.stdev ** 2)


@caught_by("has_statistics_of_changes_for_each_variable", "source")
class ChangesOfOneVariable(Whole):
    @property
    def changes(self):
        return {SIX: super().changes[SIX][:1]}


@caught_by("has_statistics_of_changes_for_each_variable", "source")
class ChangesBackwards(Whole):
    @property
    def changes(self):
        return {-SIX: super().changes[SIX]}


@caught_by("has_statistics_of_changes_for_each_variable", "source")
class NegativeDeviation(Whole):
    @property
    def changes(self):
        right = super().changes[SIX]
        return {SIX: replace(right, stdev=-right.stdev)}


@caught_by("has_statistics_of_its_own_times", "source")
class PeriodBackwards(Whole):
    @property
    def statistics_period(self):
        return super().statistics_period[::-1]


@caught_by("has_statistics_of_its_own_times", "source")
class StatisticsOfOtherYears(Whole):
    @property
    def statistics_period(self):
        first, last = super().statistics_period
        return first - np.timedelta64(365, "D"), last


@caught_by("takes_the_options_that_it_checks", "source")
class ChecksAnother(Whole):
    @classmethod
    def check_options(cls, *, path="there is none"):
        raise ConfigError(f"{path} is no path.")


@caught_by("reads_nothing_at_opening", "source")
class LoadsEverything(Whole):
    def open(self):
        self.file = np.load(PATH)


@caught_by("reads_nothing_at_opening", "source")
class LooksThroughEverything(Whole):
    """Keeps nothing of what it reads."""

    def open(self):
        super().open()
        with PATH.open("rb", buffering=0) as file:
            self.size = sum(len(part) for part in iter(lambda: file.read(10_000), b""))


@caught_by("reads_nothing_at_opening", "source")
class ReadsTheFirstState(Whole):
    def __init__(self):
        super().__init__()
        self.read(self.times[:1])


@caught_by("says_where_it_comes_from", "source")
class Anonymous(Whole):
    @property
    def provenance(self):
        return {"licence": "CC0"}


@caught_by("says_where_it_comes_from", "source")
class NotJson(Whole):
    @property
    def provenance(self):
        return {"identity": "sha256:00", "made": self.times[0]}
