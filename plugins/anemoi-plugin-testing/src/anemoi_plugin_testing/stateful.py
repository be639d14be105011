"""State machines that use a source or an output in every order, with errors between: needs hypothesis.

The conformance kit runs them as the check ``stays_right_in_any_order``. A plugin may derive from them, to add
rules of its own, and run them for longer::

    class MyMachine(SourceMachine):
        def open(self):
            return MySource(path=...)

        @rule()
        def rotate(self): ...


    TestMine = MyMachine.TestCase
"""

from __future__ import annotations

import pickle
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.interfaces.output import Output
from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ._check import require
from ._forecasts import description, digest, misread, states
from ._source_access import same_bytes, there

_TIMES = 6
_PLACES = strategies.lists(strategies.integers(0, _TIMES - 1), min_size=1, max_size=5)


class SourceMachine(RuleBasedStateMachine):
    """Reads a source in every order: times alone and together, absent ones between, and copies of it.

    Whatever was asked before, each time reads as it did from a new source. A subclass says how to open one.
    """

    def open(self) -> DataSource:
        """Give a new source."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.source = self.open()
        self.times = there(self.source, _TIMES)
        fresh = self.open()
        self.known = {time: fresh.read([time])[0].copy() for time in self.times}
        self.names = self.source.variables

    def _chosen(self, places: Sequence[int]) -> list[np.datetime64]:
        return [self.times[place % len(self.times)] for place in places]

    def _read(self, source: DataSource, times: Sequence[np.datetime64]) -> Any:
        found = source.read(times)
        require(len(found) == len(times), f"{len(times)} times give {len(found)} states")
        for time, state in zip(times, found, strict=True):
            require(same_bytes(state, self.known[time]), f"{time} reads as something else than at first")
        return found

    @rule(places=_PLACES)
    def read(self, places: list[int]) -> None:
        """Times in any order, some of them more than once."""
        self._read(self.source, self._chosen(places))

    @rule(places=_PLACES)
    def read_and_write_to_it(self, places: list[int]) -> None:
        """What was read belongs to whoever asked."""
        found = self._read(self.source, self._chosen(places))
        if found.flags.writeable:
            found[:] = -1.0

    @rule(places=_PLACES, seconds=strategies.integers(1, 10**8), before=strategies.booleans())
    def ask_for_what_is_absent(self, places: list[int], seconds: int, before: bool) -> None:
        """A time outside of the range, among others: the whole request is refused."""
        apart = np.timedelta64(seconds, "s")
        absent = self.source.times[0] - apart if before else self.source.times[-1] + apart
        asked = [*self._chosen(places), absent]
        try:
            self.source.read(asked)
        except DataError:
            return
        require(False, f"{absent} is not one of its times, but is read without an error")

    @rule()
    def ask_what_it_is(self) -> None:
        """It tells the same of itself."""
        require(self.source.variables == self.names, f"its variables became {self.source.variables}")
        require(set(self.times) <= set(self.source.times), "its times became others")
        for name in ("frequency", "grid", "missing", "provenance", "units", "metadata"):
            getattr(self.source, name)

    @rule(places=_PLACES)
    def read_from_a_copy(self, places: list[int]) -> None:
        """A copy by pickle, made now, reads the same, and leaves this one as it is."""
        self._read(pickle.loads(pickle.dumps(self.source)), self._chosen(places))

    @rule()
    def go_on_with_a_copy(self) -> None:
        """As in a worker process."""
        self.source = pickle.loads(pickle.dumps(self.source))


class OutputMachine(RuleBasedStateMachine):
    """Writes forecasts one after another to one path: whole ones, some that crash, some that are cut short.

    At any moment the path holds the last forecast that became whole, to the byte, or nothing if there was
    none, and nothing lies beside it while none is written. A subclass says how to build an output.
    """

    reader: Any = None
    """The source that reads back what it writes; None for none."""

    name = "forecast"
    """The name of the file."""

    def build(self, path: Path, *, overwrite: bool) -> Output:
        """Give a new output for :func:`anemoi_plugin_testing._forecasts.description`."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="anemoi-check-"))
        self.path = self.folder / self.name
        self.output: Output | None = None
        self.written, self.seed = 0, 0
        self.whole: str | None = None

    def teardown(self) -> None:
        """Leave nothing."""
        if self.output is not None:
            self._crash()
        shutil.rmtree(self.folder)

    def _crash(self) -> None:
        assert self.output is not None
        error = RuntimeError("The forecast failed.")
        handled = self.output.__exit__(RuntimeError, error, error.__traceback__)
        require(not handled, "the exception is lost")
        self.output = None

    @precondition(lambda self: self.output is None)
    @rule(overwrite=strategies.booleans())
    def begin(self, overwrite: bool) -> None:
        """One that may not overwrite is refused where a forecast lies."""
        try:
            output = self.build(self.path, overwrite=overwrite)
        except DataError:
            require(self.whole is not None and not overwrite, "it is refused, though nothing is in its way")
            return
        require(
            self.whole is None or overwrite, "it is built where a forecast lies that it may not overwrite"
        )
        self.output = output.__enter__()
        self.written, self.seed = 0, self.seed + 1

    @precondition(lambda self: self.output is not None and self.written < len(description().lead_times))
    @rule(count=strategies.integers(1, 3))
    def write(self, count: int) -> None:
        """The next states."""
        assert self.output is not None
        left = states(seed=self.seed)[self.written : self.written + count]
        for state in left:
            self.output.write(state)
        self.written += len(left)

    @precondition(lambda self: self.output is not None)
    @rule()
    def crash(self) -> None:
        """The forecast fails, after any number of states."""
        self._crash()

    @precondition(lambda self: self.output is not None)
    @rule()
    def finish(self) -> None:
        """The forecast ends; if some of its states did not come, nothing takes the place of the last one."""
        assert self.output is not None
        whole = self.written == len(description().lead_times)
        output, self.output = self.output, None
        try:
            output.__exit__(None, None, None)
        except DataError as error:
            require(not whole, f"all states came, but it is refused: {error}")
        if whole:
            require(self.path.exists(), "all states came, but nothing lies at the path")
            self.whole = digest(self.path)
            fault = misread(self.reader, self.path, seed=self.seed) if self.reader is not None else ""
            require(not fault, fault)

    @invariant()
    def holds_the_last_whole_forecast(self) -> None:
        """And while none is written, nothing else."""
        found = digest(self.path) if self.path.exists() else None
        require(found == self.whole, "the path does not hold the last forecast that became whole")
        if self.output is None:
            others = sorted(each.name for each in self.folder.iterdir() if each != self.path)
            require(not others, f"while none is written, there lie {', '.join(others)}")
