"""GRIB and NetCDF files from formulas, written with eccodes and netCDF4 alone, and read with them alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import eccodes
import netCDF4
import numpy as np

REGULAR = {
    "gridType": "regular_ll",
    "Ni": 8,
    "Nj": 5,
    "latitudeOfFirstGridPointInDegrees": 60.0,
    "longitudeOfFirstGridPointInDegrees": -20.0,
    "latitudeOfLastGridPointInDegrees": 40.0,
    "longitudeOfLastGridPointInDegrees": 15.0,
    "iDirectionIncrementInDegrees": 5.0,
    "jDirectionIncrementInDegrees": 5.0,
}
"""A limited area."""

ROTATED = {
    **REGULAR,
    "gridType": "rotated_ll",
    "latitudeOfSouthernPoleInDegrees": -40.0,
    "longitudeOfSouthernPoleInDegrees": 10.0,
}

REDUCED = {"gridType": "reduced_gg", "sample": "reduced_gg_pl_32"}
OCTAHEDRAL = {"gridType": "reduced_gg", "N": 8, "pl": [20 + 4 * i for i in (*range(8), *range(7, -1, -1))]}

LAMBERT = {
    "gridType": "lambert",
    "Nx": 7,
    "Ny": 6,
    "latitudeOfFirstGridPointInDegrees": 50.0,
    "longitudeOfFirstGridPointInDegrees": 5.0,
    "LaDInDegrees": 52.0,
    "LoVInDegrees": 10.0,
    "Latin1InDegrees": 52.0,
    "Latin2InDegrees": 52.0,
    "DxInMetres": 20000.0,
    "DyInMetres": 20000.0,
}


def message(
    name: str = "t",
    level: int | None = 850,
    /,
    *,
    edition: int = 2,
    time: str = "2020-01-01T00",
    step: str = "0",
    member: int | None = None,
    grid: dict[str, Any] = REGULAR,
    values: Any = None,
    bits: int = 16,
    **keys: Any,
) -> bytes:
    """One message; without values, those that :func:`formula` gives."""
    grid = dict(grid)
    sample = grid.pop("sample", "regular_ll_pl" if grid["gridType"] != "reduced_gg" else "reduced_gg_pl_32")
    handle = eccodes.codes_grib_new_from_samples(f"{sample}_grib{edition}")
    try:
        date = np.datetime64(time, "m").item()
        pl = grid.pop("pl", None)
        for key, value in grid.items():
            if (edition, key) != (1, "LaDInDegrees"):  # Which edition 1 has not.
                eccodes.codes_set(handle, key, value)
        if pl is not None:
            eccodes.codes_set(handle, "Nj", len(pl))
            eccodes.codes_set_array(handle, "pl", np.array(pl))
        if grid["gridType"] == "reduced_gg":
            points = int(eccodes.codes_get_array(handle, "pl").sum())
        else:
            points = grid.get("Ni", grid.get("Nx")) * grid.get("Nj", grid.get("Ny"))
        if edition == 2:
            eccodes.codes_set(handle, "numberOfDataPoints", points)
        if member is not None:
            if edition == 1:
                eccodes.codes_set(handle, "localDefinitionNumber", 1)
                eccodes.codes_set(handle, "type", "pf" if member else "cf")
            else:
                eccodes.codes_set(handle, "productDefinitionTemplateNumber", 1)
            eccodes.codes_set(handle, "number", member)
        if level is not None:
            eccodes.codes_set(handle, "typeOfLevel", "isobaricInhPa")
            eccodes.codes_set(handle, "level", level)
        eccodes.codes_set(handle, "dataDate", int(date.strftime("%Y%m%d")))
        eccodes.codes_set(handle, "dataTime", int(date.strftime("%H%M")))
        eccodes.codes_set(handle, "shortName", name)
        if level is None and edition == 1:
            eccodes.codes_set(handle, "typeOfLevel", "surface")
        if "-" in step and edition == 1:
            eccodes.codes_set(handle, "stepType", "accum")
        eccodes.codes_set(handle, "stepRange", step)
        for key, value in keys.items():
            eccodes.codes_set(handle, key, value)
        eccodes.codes_set(handle, "bitsPerValue", bits)
        if values is None:
            values = formula(name, level, time, member, points)
        if np.isnan(values).any():
            eccodes.codes_set(handle, "bitmapPresent", 1)
            eccodes.codes_set(handle, "missingValue", 1e9)
            values = np.where(np.isnan(values), 1e9, values)
        eccodes.codes_set_array(handle, "values", np.broadcast_to(values, points).astype(float))
        return bytes(eccodes.codes_get_message(handle))
    finally:
        eccodes.codes_release(handle)


def formula(name: str, level: int | None, time: str, member: int | None, points: int) -> np.ndarray:
    """Values that differ for each variable, level, time, member and point."""
    hours = np.datetime64(time, "h").astype(int) % 1000
    seed = sum(map(ord, name)) + (level or 0) / 10 + 3 * (member or 0)
    return 250.0 + seed / 100 + 0.5 * (hours / 6 % 40) + 5.0 * np.sin(0.3 * np.arange(points) + seed)


def write(path: Path, messages: Iterable[bytes]) -> Path:
    """Write messages to a file, one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(messages))
    return path


def read(path: Path) -> Iterator[dict[str, Any]]:
    """What ecCodes alone reads from a file."""
    with path.open("rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            yield {
                key: eccodes.codes_get(handle, key)
                for key in ("shortName", "level", "validityDate", "validityTime")
            } | {key: eccodes.codes_get_array(handle, key) for key in ("values", "latitudes", "longitudes")}
            eccodes.codes_release(handle)


def states(
    path: Path,
    *,
    hours: Iterable[float] = (0, 6, 12),
    members: int = 2,
    levels: Iterable[float] = (850, 500),
    level_units: str = "hPa",
    start: str = "2020-01-01 00:00:00",
    rows: int = 5,
    format: str = "NETCDF4",
    **attributes: Any,
) -> Path:
    """A NetCDF file with temperature on pressure levels and at 2 m, as the Copernicus Data Store has it."""
    hours, levels = list(hours), list(levels)
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w", format=format) as file:
        for name, values, about in (
            ("valid_time", hours, {"standard_name": "time", "units": f"hours since {start}"}),
            ("number", range(members), {"standard_name": "realization", "units": "1"}),
            ("pressure_level", levels, {"standard_name": "air_pressure", "units": level_units}),
            ("latitude", np.linspace(60.0, 40.0, rows), {"units": "degrees_north"}),
            ("longitude", np.arange(8) * 5.0 - 20.0, {"units": "degrees_east"}),
        ):
            # The times of a classic file in records, as they mostly are.
            file.createDimension(name, None if name == "valid_time" else len(values))
            variable = file.createVariable(name, "f8", (name,))
            variable[:] = list(values)
            variable.setncatts(about)
        random = np.random.default_rng(0)
        outer = ("valid_time", "number")
        for name, dimensions, about in (
            ("t", (*outer, "pressure_level", "latitude", "longitude"), {"units": "K"}),
            ("t2m", (*outer, "latitude", "longitude"), {"units": "K", "GRIB_shortName": "2t"}),
            ("lsm", ("latitude", "longitude"), {"units": "(0 - 1)"}),
        ):
            variable = file.createVariable(name, "f4", dimensions)
            variable[:] = random.normal(280.0, 10.0, [len(file.dimensions[each]) for each in dimensions])
            variable.setncatts({**about, **attributes})
    return path
