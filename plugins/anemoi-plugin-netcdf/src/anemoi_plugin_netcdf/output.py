"""The output ``netcdf``: a forecast as one NetCDF 4 file with the CF conventions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import h5netcdf
import h5py
import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.output import ForecastDescription, State
from anemoi.core.outputs import FileOutput
from anemoi.core.variable import CELL_METHODS
from annotated_types import Interval

from .content import Content, content_of
from .coordinates import HORIZONTAL, write_grid, write_members, write_times, write_verticals
from .plan import Field, fields_of
from .stream import Stream

CONVENTIONS = "CF-1.11"


class NetcdfOutput(FileOutput):
    """Writes a forecast that any reader of the CF conventions understands.

    Variables have the dimensions ``(realization, time, pressure, latitude, longitude)``, those of them that
    they need; ``t_850`` and ``t_500`` become levels of ``t``, as do levels of any other type. Points of a
    grid that is not rows and columns have the dimension ``cell``, or ``y`` and ``x``. What is the sum, the
    mean or an extreme of some time has cell methods, and the bounds of its times. The attributes
    ``provenance`` (JSON) and ``id`` (the identity of the forecast) of the file say where it comes from.

    Parameters
    ----------
    path
        The file to make.
    forecast
        What is to come.
    overwrite
        Whether a file at ``path`` may be replaced.
    compression
        How hard to compress each field, without loss: 0 is not at all, 9 the most. Each level takes longer.

    Raises
    ------
    DataError
        If ``path`` exists and may not be replaced, or its directory is not there or cannot be written in.
    """

    def __init__(
        self,
        *,
        path: str,
        forecast: ForecastDescription,
        overwrite: bool = False,
        compression: Annotated[int, Interval(ge=0, le=9)] = 1,
    ) -> None:
        super().__init__(path=path, forecast=forecast, overwrite=overwrite)
        self._compression = compression
        self._fields = fields_of([forecast.about(name) for name in forecast.variables])

    @classmethod
    def provenance_of(cls, path: str) -> Mapping[str, Any] | None:
        """Read the attribute ``provenance`` of a file; None if it is no NetCDF 4 file, or has none."""
        if not (Path(path).is_file() and h5py.is_hdf5(path)):
            return None
        with _open(path) as file:
            text = file.attrs.get("provenance")
        found = None if text is None else json.loads(text)
        return found if isinstance(found, dict) else None

    @classmethod
    def content_of(cls, path: str) -> str:
        """Read all that a file holds, and compute its hash."""
        with _open(path) as file:
            return content_of(file)

    def begin(self, path: Path) -> None:
        """Write all but the values."""
        forecast, self._count = self._forecast, 0
        self._stream = Stream(path)
        self._content = Content()
        self._file = file = h5netcdf.File(self._stream, "w")
        file.attrs.update(_attributes(forecast))
        write_members(file, forecast.members)
        times = write_times(file, forecast, self._fields)
        points = write_grid(file, forecast.grid)
        verticals = write_verticals(file, self._fields)
        for field in self._fields:
            self._declare(field, times[field.name], points, verticals.get(field.name))

    def _declare(self, field: Field, time: str, points: tuple[str, ...], vertical: str | None) -> None:
        """Make the variable, each field of one member, time and level a chunk of its own."""
        on_level = vertical is not None and bool(field.levels)
        dimensions = ("realization", time, *((vertical,) if on_level else ()), *points)
        sizes = [self._file.dimensions[name].size for name in dimensions]
        ones = len(dimensions) - len(points)
        variable = self._file.create_variable(
            field.name,
            dimensions,
            np.dtype("f4"),
            fillvalue=np.float32(np.nan),
            chunks=(*[1] * ones, *sizes[ones:]),
            **({"compression": "gzip", "compression_opts": self._compression, "shuffle": True}
               if self._compression else {}),
        )  # fmt: skip
        auxiliary = [*(["forecast_period"] if time == "time" else []), "forecast_reference_time"]
        if vertical is not None and not on_level:
            auxiliary.append(vertical)
        if points != HORIZONTAL:
            auxiliary.extend(HORIZONTAL)
        about = {
            "standard_name": field.quantity.standard_name if field.quantity else "",
            "long_name": field.quantity.standard_name.replace("_", " ")
            if field.quantity
            else field.short_name,
            "short_name": field.short_name,
            "units": field.units,
            "units_metadata": "temperature: on_scale" if field.quantity and field.units == "K" else "",
            "cell_methods": f"time: {CELL_METHODS[what]}" if (what := _of_some_time(field)) else "",
            "coordinates": " ".join(auxiliary),
            "anemoi_variables": json.dumps(field.variables),
            "level_type": field.level_type or "",
        }
        variable.attrs.update({name: value for name, value in about.items() if value})
        if field.level is not None:
            variable.attrs["level"] = field.level

    def add(self, state: State) -> None:
        """Write the fields of the next lead time."""
        for field in self._fields:
            variable = self._file.variables[field.name]
            shape = variable.shape[3 if field.levels else 2 :]
            for level, column in enumerate(field.columns):
                values = state.fields[:, :, column].reshape(-1, *shape)
                where = (self._count, level) if field.levels else (self._count,)
                variable[(slice(None), *where)] = values
                self._content.add(field.name, values)
        self._count += 1
        self._stream.check()

    def finish(self) -> None:
        """Write the hash of what it holds, and close the file."""
        content = self._content.identity(self._file)
        self._file.attrs["provenance"] = json.dumps({**self._forecast.provenance, "content": content})
        self._close()
        self._stream.check()

    def abandon(self) -> None:
        """Close the file, whatever became of it."""
        self._close()

    def _close(self) -> None:
        self._file.close()
        self._stream.close()


def _of_some_time(field: Field) -> str | None:
    """What of some time a field is; None if it is of one time."""
    if field.since_start:
        return "accumulated"
    return None if field.statistic is None else field.statistic[0]


@contextmanager
def _open(path: str) -> Iterator[Any]:
    try:
        with h5netcdf.File(path, "r") as file:
            yield file
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read as NetCDF: {error}.") from error


def _attributes(forecast: ForecastDescription) -> dict[str, Any]:
    """What the file says of itself."""
    provenance = forecast.provenance
    parents = (f"{parent.get('kind', 'parent')} {parent.get('identity', '')}".strip()
               for parent in provenance.get("parents", ()))  # fmt: skip
    about = {
        "Conventions": CONVENTIONS,
        "title": f"Forecast from {np.datetime_as_string(forecast.start, 'm')} UTC",
        "source": ", ".join(parents) or "Anemoi",
        "history": " ".join(filter(None, (provenance.get("created"), provenance.get("command")))),
        "id": provenance.get("identity", ""),
    }
    return {name: value for name, value in about.items() if value}
