"""The output ``old-output``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces import ForecastDescription, Output, State
from scipy.io import netcdf_file

TIME_UNITS = "seconds since 1970-01-01 00:00:00"


class OldOutput(Output):
    """Writes a forecast as one file in classic NetCDF, with names and units as the CF conventions have them.

    Every variable has the dimensions ``(time, realization, cell)``. The states are kept in memory until the
    last is there; the file then appears under its name, whole.

    Parameters
    ----------
    path, forecast, overwrite
        As for every :class:`~anemoi.core.interfaces.output.Output`.

    Raises
    ------
    DataError
        If ``path`` exists and may not be replaced, or its directory cannot be written in.
    """

    def __init__(self, *, path: str, forecast: ForecastDescription, overwrite: bool = False) -> None:
        self._path = Path(path).expanduser().absolute()
        self._forecast = forecast
        if self._path.is_dir() or (self._path.exists() and not overwrite):
            raise DataError(f"{path} exists.", fix="Choose another name, or replace a file with --overwrite.")
        if not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise DataError(f"Nothing can be written in {self._path.parent}.", fix="Choose another place.")

    def __enter__(self) -> OldOutput:
        """Take states from now on."""
        self._fields: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []
        return self

    def write(self, state: State) -> None:
        """See :meth:`anemoi.core.interfaces.output.Output.write`."""
        self._fields.append(state.fields.copy())  # (ensemble, grid, variable)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave a whole file if all went well, and nothing otherwise."""
        if kind is not None:
            return
        if len(self._fields) != len(self._forecast.lead_times):
            raise DataError(
                f"{self._path} is not written: {len(self._forecast.lead_times)} states were announced, "
                f"and {len(self._fields)} came."
            )
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
        try:
            self._save(partial)
            partial.replace(self._path)
        except OSError as failure:
            raise DataError(f"{self._path} cannot be written: {failure}.") from failure
        finally:
            partial.unlink(missing_ok=True)

    def _save(self, path: Path) -> None:
        forecast, fields = self._forecast, np.stack(self._fields)  # (time, ensemble, grid, variable)
        with netcdf_file(path, "w", version=2) as file:
            _describe(file, Conventions="CF-1.8", provenance=json.dumps(dict(forecast.provenance)))
            dimensions = ("time", "realization", "cell")
            for name, size in zip(dimensions, fields.shape, strict=False):
                file.createDimension(name, size)
            time = file.createVariable("time", "d", ("time",))
            time[:] = (forecast.start + forecast.lead_times).astype("datetime64[s]").astype(np.float64)
            _describe(time, standard_name="time", units=TIME_UNITS)
            grid = forecast.grid
            for name, values, units in (
                ("latitude", grid.latitudes, "degrees_north"),
                ("longitude", grid.longitudes, "degrees_east"),
            ):
                place = file.createVariable(name, "d", ("cell",))
                place[:] = values
                _describe(place, standard_name=name, units=units)
            for number, name in enumerate(forecast.variables):
                variable = file.createVariable(name, "f", dimensions)
                variable[:] = fields[..., number]
                _describe(variable, coordinates="latitude longitude", units=forecast.units.get(name, "1"))


def _describe(described: Any, **attributes: str) -> None:
    """Write attributes of a file or of a variable."""
    for name, value in attributes.items():
        setattr(described, name, value)
