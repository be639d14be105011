"""The output ``zarr``: a forecast in the anemoi-datasets Zarr layout, its dates the valid times."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.files import put_in_place
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.outputs import WholeOutput
from anemoi.core.times import format_duration

from .content import content, record_content
from .dataset import Dataset
from .metadata import write_variable
from .placing import check_replaceable
from .store import is_store, local_path
from .writer import LayoutWriter


class ZarrOutput(WholeOutput):
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
        self._frequency = _interval(forecast.lead_times)
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)

    @classmethod
    def provenance_of(cls, path: str) -> Mapping[str, Any] | None:
        """Read the provenance of a data set or a forecast; None if no Zarr group is there."""
        local = local_path(path)
        if local is not None and not is_store(local):
            return None
        return Dataset(path).provenance

    @classmethod
    def content_of(cls, path: str) -> str | None:
        """Compute the hash of what the store holds; None where that cannot be listed."""
        return content(path)

    def begin(self, path: Path) -> None:
        """Make the empty arrays."""
        forecast = self._forecast
        self._writer = LayoutWriter(
            path,
            variables=forecast.variables,
            grid=forecast.grid,
            units=forecast.units,
            members=forecast.members,
            times=forecast.start + forecast.lead_times,
            frequency=self._frequency,
        )

    def add(self, state: State) -> None:
        """Write a chunk."""
        self._writer.write(state.fields[None])

    def finish(self) -> None:
        """Write what describes the data."""
        forecast, constant = self._forecast, self._writer.constant
        about = {
            # A variable that stayed the same keeps its part in a model: dry weather is still a forecast.
            name: replace(forecast.about(name), constant=name in constant)
            for name in forecast.variables
        }
        self._writer.finish(
            {
                "variables_metadata": {name: write_variable(each) for name, each in about.items()},
                "uuid": forecast.provenance.get("identity", str(uuid.uuid4())),
                "provenance": dict(forecast.provenance),
                "forecast": {
                    "start": str(forecast.start.astype("datetime64[s]")),
                    "lead_times": [format_duration(lead_time) for lead_time in forecast.lead_times],
                },
            }
        )

    def abandon(self) -> None:
        """Nothing is open."""

    def check_free(self) -> None:
        """Check that nothing is at the path, or a data set that may be replaced."""
        check_replaceable(self._path, self._overwrite)

    def appear(self, partial: Path) -> None:
        """Give the directory its name."""
        record_content(partial)
        put_in_place(partial, self._path)


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
