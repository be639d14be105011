"""The output ``{{ cookiecutter.name }}``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from anemoi.core.interfaces import State
from anemoi.core.outputs import FileOutput
from scipy.io import netcdf_file

TIME_UNITS = "seconds since 1970-01-01 00:00:00"


class {{ cookiecutter.__class }}(FileOutput):
    """Writes a forecast as one file in classic NetCDF, with names and units as the CF conventions have them.

    Every variable has the dimensions ``(time, realization, cell)``. The states are kept in memory until the
    last is there.

    Parameters
    ----------
    path, forecast, overwrite
        As for every :class:`~anemoi.core.interfaces.output.Output`.
    """

    def begin(self, path: Path) -> None:
        """See :meth:`anemoi.core.outputs.WholeOutput.begin`; ``path`` gets its name when all went well."""
        self._hidden = path
        self._fields: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = []

    def add(self, state: State) -> None:
        """Keep the state, which is the one that was announced."""
        self._fields.append(state.fields.copy())  # (ensemble, grid, variable)

    def finish(self) -> None:
        """Write all of it."""
        forecast, fields = self.forecast, np.stack(self._fields)  # (time, ensemble, grid, variable)
        with netcdf_file(self._hidden, "w", version=2) as file:
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

    def abandon(self) -> None:
        """Nothing is open between states."""


def _describe(described: Any, **attributes: str) -> None:
    """Write attributes of a file or of a variable."""
    for name, value in attributes.items():
        setattr(described, name, value)
