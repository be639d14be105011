"""The output ``zarr``: a forecast in the anemoi-datasets Zarr layout, its dates the valid times."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import ForecastDescription, Output, State
from anemoi.core.times import format_duration

from .content import content, record_content
from .dataset import Dataset
from .placing import check_replaceable, directory_beside, replace, unwritable
from .store import is_store, local_path
from .writer import LayoutWriter


class ZarrOutput(Output):
    """Writes a forecast as a data set, which the source ``zarr`` and anemoi-datasets can open.

    The states go to a hidden directory beside ``path``, which takes its name when the last is
    written. Its attributes keep the provenance, the start and the lead times of the forecast.

    Parameters
    ----------
    path
        The directory to make.
    forecast
        What is to come; its lead times are equally spaced.
    overwrite
        Whether a file or a data set at ``path`` may be replaced.

    Raises
    ------
    DataError
        If ``path`` exists and may not be replaced, or its directory is not there or cannot be
        written in, or the lead times are not equally spaced.
    """

    def __init__(self, *, path: str, forecast: ForecastDescription, overwrite: bool = False) -> None:
        self._path = Path(path).expanduser().absolute()
        self._forecast = forecast
        self._frequency = _interval(forecast.lead_times)
        self._overwrite = overwrite
        self._written = 0
        check_replaceable(self._path, overwrite)
        # Asking whether a directory can be written in is not reliable (read-only mounts, root): try.
        directory_beside(self._path).rmdir()

    @classmethod
    def provenance_of(cls, path: str) -> Mapping[str, Any] | None:
        """Read the provenance of a data set or a forecast; None if no Zarr group is there."""
        local = local_path(path)
        if local is not None and not is_store(local):
            return None
        return Dataset(path).provenance

    @classmethod
    def content_of(cls, path: str) -> str | None:
        """Compute the hash of what the store holds; None if it is an object store."""
        local = local_path(path)
        return None if local is None else content(local)

    def __enter__(self) -> ZarrOutput:
        """Begin to write, out of sight."""
        forecast = self._forecast
        self._partial = directory_beside(self._path)
        try:
            self._writer = LayoutWriter(
                self._partial,
                variables=forecast.variables,
                grid=forecast.grid,
                units=forecast.units,
                members=forecast.members,
                times=forecast.start + forecast.lead_times,
                frequency=self._frequency,
            )
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
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
            raise DataError(
                f"{self._path}: all {self._written} states that were announced are written already."
            )
        expected = forecast.start + forecast.lead_times[self._written]
        shape = (forecast.members, len(forecast.grid), len(forecast.variables))
        if state.start != forecast.start or state.valid_time != expected or state.fields.shape != shape:
            raise DataError(
                f"{self._path} takes the state for {expected} next, of shape {shape}, but was given "
                f"the one for {state.valid_time}, of shape {state.fields.shape}."
            )
        try:
            self._writer.write(state.fields[None])
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._written += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the forecast its name, or leave nothing."""
        try:
            if kind is None:
                self._finish()
        except OSError as failure:
            raise unwritable(self._path, failure) from failure
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def _finish(self) -> None:
        forecast = self._forecast
        if self._written != len(forecast.lead_times):
            raise DataError(
                f"{self._path} is not written: "
                f"only {self._written} of {len(forecast.lead_times)} states came."
            )
        self._writer.finish(
            {
                "uuid": forecast.provenance.get("identity", str(uuid.uuid4())),
                "provenance": dict(forecast.provenance),
                "forecast": {
                    "start": str(forecast.start.astype("datetime64[s]")),
                    "lead_times": [format_duration(lead_time) for lead_time in forecast.lead_times],
                },
            }
        )
        record_content(self._partial)
        # Somebody else may have put something there in the meantime.
        check_replaceable(self._path, self._overwrite)
        replace(self._partial, self._path)


def _interval(lead_times: np.ndarray[tuple[int, ...], np.dtype[np.timedelta64]]) -> np.timedelta64:
    """Give the time between two states; that before the only one."""
    steps = np.diff(lead_times) if len(lead_times) > 1 else lead_times
    if not len(steps) or steps[0] <= np.timedelta64(0) or (steps != steps[0]).any():
        raise DataError(
            "A forecast in the Zarr layout has equally spaced lead times, but these are "
            f"{[str(lead_time) for lead_time in lead_times]}.",
            fix="Choose other lead times, or another output.",
        )
    return np.timedelta64(steps[0], "s")
