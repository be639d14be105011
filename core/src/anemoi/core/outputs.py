"""What outputs have in common: what they write grows out of sight, and appears whole or not at all."""

from __future__ import annotations

import os
from abc import abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from .errors import DataError, RequestError, ResourceError
from .files import hidden_beside, put_in_place, remove
from .interfaces.output import ForecastDescription, Output, State

Self = TypeVar("Self", bound="WholeOutput")


class WholeOutput(Output):
    """Keeps the contract of an output, for a file or a directory.

    It is written under a hidden name beside ``path``, and renamed once the last state is in it. A subclass
    says how to :meth:`begin`, :meth:`add` and :meth:`finish` it, and how to :meth:`abandon` it; when its name
    is free (:meth:`check_free`) and how it gets it (:meth:`appear`). An ``OSError`` from any of them is told
    as a :class:`~anemoi.core.errors.DataError`. It checks what it cannot write in its constructor.

    Parameters
    ----------
    path
        Where to write.
    forecast
        What is to come.
    overwrite
        Whether what is at ``path`` may be replaced.

    Raises
    ------
    DataError
        If ``path`` exists and may not be replaced, or its directory is not there or cannot be written in.
    """

    def __init__(self, *, path: str, forecast: ForecastDescription, overwrite: bool = False) -> None:
        self._path = Path(path).expanduser().absolute()
        self._forecast = forecast
        self._overwrite = overwrite
        self._written = 0
        self.check_free()
        try:
            # Asking whether a directory can be written in is not reliable (read-only mounts, root): try.
            trial = hidden_beside(self._path)
            trial.touch(exist_ok=False)
            trial.unlink()
        except OSError as error:
            raise self._unwritable(error) from error

    @property
    def path(self) -> Path:
        """Where the output will be."""
        return self._path

    @property
    def forecast(self) -> ForecastDescription:
        """What is to come."""
        return self._forecast

    @abstractmethod
    def begin(self, path: Path) -> None:
        """Open it, at a path where nothing lies yet."""

    @abstractmethod
    def add(self, state: State) -> None:
        """Write the next state, which is the one that was announced."""

    @abstractmethod
    def finish(self) -> None:
        """Write what comes last, and close it."""

    @abstractmethod
    def abandon(self) -> None:
        """Close what is open, if anything is; what was written is thrown away."""

    @abstractmethod
    def check_free(self) -> None:
        """Check that nothing is at the path, or what may be replaced.

        Raises
        ------
        DataError
            If not.
        """

    @abstractmethod
    def appear(self, partial: Path) -> None:
        """Give what was written at ``partial`` its name."""

    def __enter__(self: Self) -> Self:
        """Begin to write, out of sight."""
        self._partial = hidden_beside(self._path)
        try:
            self.begin(self._partial)
        except BaseException as error:
            self._throw_away()
            if isinstance(error, OSError):
                raise self._unwritable(error) from error
            raise
        return self

    def write(self, state: State) -> None:
        """Write the next state.

        Raises
        ------
        DataError
            If it is not the one that was announced, or cannot be written.
        """
        forecast = self._forecast
        if self._written == len(forecast.lead_times):
            raise DataError(f"{self._path}: all {self._written} states that were announced are written.")
        expected = forecast.start + forecast.lead_times[self._written]
        shape = (forecast.members, len(forecast.grid), len(forecast.variables))
        if state.start != forecast.start or state.valid_time != expected or state.fields.shape != shape:
            raise DataError(
                f"{self._path} takes the state for {expected} next, of shape {shape}, but was given "
                f"the one for {state.valid_time}, of shape {state.fields.shape}."
            )
        try:
            self.add(state)
        except OSError as error:
            raise self._unwritable(error) from error
        self._written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give it its name, or leave nothing."""
        try:
            if kind is None:
                self._place()
        except OSError as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._throw_away()

    def _place(self) -> None:
        if self._written != len(self._forecast.lead_times):
            raise DataError(
                f"{self._path} is not written: "
                f"only {self._written} of {len(self._forecast.lead_times)} states came."
            )
        self.finish()
        self.check_free()  # Somebody else may have put something there in the meantime.
        self.appear(self._partial)

    def _throw_away(self) -> None:
        if self._partial.exists():
            with suppress(Exception):  # What went wrong before is what the user needs to know.
                self.abandon()
            remove(self._partial)

    def _unwritable(self, error: OSError) -> DataError:
        return ResourceError.kind(error)(
            f"{self._path} cannot be written: {error.strerror or error}.",
            fix=f"Make sure that the directory {self._path.parent} exists, can be written in and has room, "
            "or choose another path.",
        )


class FileOutput(WholeOutput):
    """Keeps the contract of an output for any format that is a single file: see :class:`WholeOutput`."""

    def check_free(self) -> None:
        """Check that nothing is at the path, or a file that may be replaced."""
        if self._path.is_dir():
            raise RequestError(
                f"{self._path} is a directory: it is not overwritten.", fix="Choose another path."
            )
        if not self._overwrite and os.path.lexists(self._path):
            raise RequestError(
                f"{self._path} exists already.",
                fix="Choose another path, or replace it with --overwrite (in Python: overwrite=True).",
            )

    def appear(self, partial: Path) -> None:
        """Give the file its name, when all of it is on disk."""
        put_in_place(partial, self._path, durable=True)
