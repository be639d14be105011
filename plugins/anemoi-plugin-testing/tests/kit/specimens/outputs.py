"""Outputs."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.data_source import Statistics
from anemoi.core.interfaces.output import Output

from . import caught_by, right
from .sources import Whole


class NumpyReader(Whole):
    """Reads what :class:`NumpyFile` writes."""

    def __init__(self, *, path: str):
        path = Path(path)
        with np.load(path / "all.npz" if path.is_dir() else path) as file:
            self.contents = dict(file)

    variables = property(lambda self: tuple(self.contents["variables"].tolist()))
    times = property(lambda self: self.contents["times"])
    grid = property(lambda self: Grid(self.contents["latitudes"], self.contents["longitudes"]))
    missing = property(lambda self: frozenset())
    statistics = property(lambda self: Statistics(*np.zeros((4, 2))))

    def fields(self, indices):
        return self.contents["fields"][indices]


@right("output")
class NumpyFile(Output):
    """Keeps the states in memory and writes one file at the end."""

    def __init__(self, *, path: str, forecast, overwrite: bool = False):
        self.path, self.forecast, self.states = Path(path), forecast, []
        self.check(overwrite)

    def check(self, overwrite):
        if self.path.exists() and not overwrite:
            raise DataError(f"{self.path} exists.")
        if not self.path.parent.is_dir():
            raise DataError(f"{self.path.parent} does not exist.")

    def __enter__(self):
        return self

    def write(self, state):
        self.states.append(state)

    def __exit__(self, kind, error, traceback):
        if kind is None:
            if len(self.states) != len(self.forecast.lead_times):
                raise DataError("Some states did not come.")
            self.save(self.path)

    def save(self, path):
        partial = path.with_name(f".{path.name}.part")
        with partial.open("wb") as file:
            np.savez(file, **self.contents())
        partial.replace(path)

    def contents(self):
        return {
            "variables": np.array(self.forecast.variables),
            "times": self.forecast.start + self.forecast.lead_times,
            "latitudes": self.forecast.grid.latitudes,
            "longitudes": self.forecast.grid.longitudes,
            "fields": np.stack([state.fields for state in self.states]),
        }


@caught_by("stays_right_in_any_order", "output")
class LeavesAnEmptyPart(NumpyFile):
    """Clears away what it wrote, but for a forecast that fails before its first state."""

    def __exit__(self, kind, error, traceback):
        if kind is not None and not self.states:
            self.path.with_name(f".{self.path.name}.part").touch()
        super().__exit__(kind, error, traceback)


@caught_by("options_are_declared", "output")
class UntypedOption(NumpyFile):
    def __init__(self, *, path: str, forecast, overwrite: bool = False, level=3):
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)


@caught_by("builds", "output")
class EntersAsAnother(NumpyFile):
    def __enter__(self):
        return self.states


@caught_by("leaves_a_whole_file", "output")
class AddsAnEnding(NumpyFile):
    def save(self, path):
        super().save(path.with_name(f"{path.name}.npz"))


@caught_by("leaves_a_whole_file", "output")
class LeavesAnIndex(NumpyFile):
    def save(self, path):
        super().save(path)
        path.with_name("index.txt").write_text("of no use")


@caught_by("is_read_back", "output")
class HalfPrecision(NumpyFile):
    def contents(self):
        return {**super().contents(), "fields": super().contents()["fields"].astype(np.float16)}


@caught_by("is_read_back", "output")
class StartForValidTime(NumpyFile):
    def contents(self):
        return {**super().contents(), "times": super().contents()["times"] - self.forecast.lead_times[0]}


@caught_by("leaves_nothing_after_a_crash", "output")
class LeavesItsScrap(NumpyFile):
    def __exit__(self, kind, error, traceback):
        if kind is not None:
            self.path.with_name("scrap").write_text("half a forecast")
        super().__exit__(kind, error, traceback)


@caught_by("leaves_nothing_after_a_crash", "output")
class SavesWhatItHas(NumpyFile):
    """Leaves half a forecast under the name of a whole one, but never in the place of another."""

    def __exit__(self, kind, error, traceback):
        if kind is not None and self.states and not self.path.exists():
            self.save(self.path)
        super().__exit__(kind, error, traceback)


@caught_by("hides_what_is_not_whole", "output")
class WritesInPlace(NumpyFile):
    """Begins the file under its name, and removes it if something goes wrong."""

    def write(self, state):
        self.fresh = getattr(self, "fresh", not self.path.exists())
        super().write(state)
        if self.fresh:
            self.path.write_text("begun")

    def __exit__(self, kind, error, traceback):
        try:
            super().__exit__(kind, error, traceback)
        except DataError:
            kind = DataError
            raise
        finally:
            if kind is not None and getattr(self, "fresh", False):
                self.path.unlink()


@caught_by("leaves_no_part_when_killed", "output")
class WritesInPlaceAtTheEnd(NumpyFile):
    def save(self, path):
        with path.open("wb") as file:
            np.savez(file, **self.contents())


@caught_by("leaves_no_part_when_killed", "output")
class FillsWhatIsThere(NumpyFile):
    """Is of full size at once, as a file that is preallocated."""

    def save(self, path):
        super().save(path.with_name(".whole"))
        whole = path.with_name(".whole").read_bytes()
        path.write_bytes(bytes(len(whole)))
        path.write_bytes(whole)
        path.with_name(".whole").unlink()


@caught_by("leaves_no_part_when_killed", "output")
class PartsInTheOpen(NumpyFile):
    def save(self, path):
        partial = path.with_name(f"part-of-{path.name}")
        with partial.open("wb") as file:
            np.savez(file, **self.contents())
        partial.replace(path)


@caught_by("leaves_no_part_when_killed", "output")
class CopiesToItsPlace(NumpyFile):
    def save(self, path):
        super().save(path.with_name(".copy"))
        shutil.copyfile(path.with_name(".copy"), path)
        path.with_name(".copy").unlink()


@right("output")
class DirectoryOfFiles(NumpyFile):
    """Writes a directory, a file for each state, and then gives it its name."""

    def __enter__(self):
        self.partial = Path(tempfile.mkdtemp(prefix=".part-", dir=self.path.parent))
        return self

    def write(self, state):
        super().write(state)
        np.save(self.partial / f"{len(self.states)}.npy", state.fields)

    def __exit__(self, kind, error, traceback):
        try:
            super().__exit__(kind, error, traceback)
        finally:
            shutil.rmtree(self.partial, ignore_errors=True)

    def save(self, path):
        np.savez(self.partial / "all.npz", **self.contents())
        if path.exists():
            path.rename(self.partial.with_name(f"{self.partial.name}-old"))
        self.partial.rename(path)
        shutil.rmtree(self.partial.with_name(f"{self.partial.name}-old"), ignore_errors=True)


@caught_by("refuses_a_part", "output")
class AcceptsAPart(NumpyFile):
    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.save(self.path)


@caught_by("passes_errors_on", "output")
class SwallowsErrors(NumpyFile):
    def __exit__(self, kind, error, traceback):
        super().__exit__(kind, error, traceback)
        return True


@caught_by("refuses_to_overwrite", "output")
class AlwaysOverwrites(NumpyFile):
    def check(self, overwrite):
        super().check(True)


@caught_by("refuses_to_overwrite", "output")
class RefusesTooLate(NumpyFile):
    def __init__(self, *, path: str, forecast, overwrite: bool = False):
        super().__init__(path=path, forecast=forecast, overwrite=True)
        self.overwrite = overwrite

    def save(self, path):
        self.check(self.overwrite)
        super().save(path)


@caught_by("overwrites_when_told", "output")
class NeverOverwrites(NumpyFile):
    def check(self, overwrite):
        super().check(False)


@caught_by("overwrites_when_told", "output")
class KeepsTheOld(NumpyFile):
    def save(self, path):
        if not path.exists():
            super().save(path)


@caught_by("keeps_the_old_until_the_new_is_whole", "output")
class ClearsTheWay(NumpyFile):
    def __enter__(self):
        if self.path.exists():
            self.path.unlink()
        return self


@caught_by("says_at_once_that_it_cannot_write", "output")
class FailsAtTheEnd(NumpyFile):
    def check(self, overwrite):
        if self.path.parent.is_dir():
            super().check(overwrite)


@caught_by("says_at_once_that_it_cannot_write", "output")
class MakesDirectories(NumpyFile):
    def check(self, overwrite):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        super().check(overwrite)


@caught_by("leaves_states_alone", "output")
class ConvertsInPlace(NumpyFile):
    def write(self, state):
        kept = type(state)(state.start, state.lead_time, state.fields.copy())
        super().write(kept)
        state.fields[:] -= 273.15


@caught_by("options_survive_a_configuration", "output")
class DefaultOfAnotherType(NumpyFile):
    def __init__(self, *, path: str, forecast, overwrite: bool = False, level: int = 1.5):
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)
