"""The format GRIB, editions 1 and 2."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.times import format_date
from anemoi.core.variable import level_name
from numpy.typing import NDArray

from .fields import INSTANT, NEVER, Described, Field
from .levels import of_grib
from .messages import Message, messages
from .unstructured import points_of

T = TypeVar("T")

_NO_LEVEL: Final = frozenset({"surface", "meanSea", "entireAtmosphere", "nominalTop"})

_LAYERS: Final = frozenset({"soilLayer", "hybridLayer"})
"""Layers that are known by one number."""


class Grib:
    """GRIB files, whose headers ecCodes reads, and their values earthkit-data.

    Parameters
    ----------
    rename
        What variables are to be called.
    points
        A NetCDF file with the latitudes and longitudes of an unstructured grid, which GRIB does not hold.
    """

    name = "GRIB"
    options = ""
    suffixes = frozenset({".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2"})

    def __init__(self, rename: Mapping[str, str], points: str | None = None) -> None:
        self.rename: Mapping[str, str] = dict(rename)
        self._points = points

    def scan(self, path: Path) -> Iterator[Field]:
        """List the fields of a file, in its order, from the headers of its messages alone."""
        import eccodes

        for message in messages(path):
            try:
                handle = eccodes.codes_new_from_message(message.headers)
                try:
                    found = _field(message, handle, path)
                finally:
                    eccodes.codes_release(handle)
            except eccodes.CodesInternalError as error:
                raise DataError(
                    f"{path}: the headers of the message at byte {message.offset} cannot be read: {error}.",
                    fix="Look at it with grib_dump. It may need a newer ecCodes: pip install -U eccodes",
                ) from error
            if not message.whole:
                raise _damaged(path, message, found)
            yield found

    def grid(self, path: Path, offset: int, length: int) -> Grid:
        """Give the grid of the message at ``offset``."""
        kind, count = _shape(path, offset, length)
        if kind == "unstructured_grid":
            if self._points is None:
                raise DataError(
                    f"{path} has {count} points of an unstructured grid, as that of ICON, and GRIB does "
                    "not say where they lie.",
                    fix="Give the file of the grid, a NetCDF file with their latitudes and longitudes: "
                    "points=FILE",
                )
            return points_of(Path(self._points).expanduser(), count)

        def grid(field: Any) -> Grid:
            latitudes, longitudes = (
                np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
                for values in (field.geography.latitudes(), field.geography.longitudes())
            )
            shape = tuple(field.shape)
            return Grid(latitudes, longitudes, shape if len(shape) == 2 else None)

        return _decoded(path, offset, length, grid)

    def read(self, path: Path, places: list[tuple[int, int]], points: int) -> Iterator[NDArray[np.floating]]:
        """Read the values of messages, NaN where a bit map leaves them out."""
        for offset, length in places:
            values = _decoded(
                path, offset, length, lambda field: field.to_numpy(flatten=True, dtype=np.float32)
            )
            if len(values) != points:
                raise DataError(
                    f"{path}: the message at byte {offset} has {len(values)} values for {points} points.",
                    fix="The file is damaged: copy or make it again.",
                )
            yield values


def _shape(path: Path, offset: int, length: int) -> tuple[str, int]:
    """What kind of grid a message is on, and how many points it has."""
    import eccodes

    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        message = file.read(length)
    try:
        handle = eccodes.codes_new_from_message(message)
        try:
            return str(eccodes.codes_get(handle, "gridType")), int(
                eccodes.codes_get(handle, "numberOfDataPoints")
            )
        finally:
            eccodes.codes_release(handle)
    except (eccodes.CodesInternalError, ValueError):
        return "unknown", 0  # which decoding it says best


def _decoded(path: Path, offset: int, length: int, decode: Callable[[Any], T]) -> T:
    """What ``decode`` makes of a field of earthkit-data."""
    from earthkit.data import from_source

    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        message = file.read(length)
    if message[:4] != b"GRIB" or message[-4:] != b"7777" or len(message) != length:
        raise DataError(
            f"{path} has no whole message at byte {offset}.",
            fix="The file was changed while it was read, or is damaged: copy or make it again.",
        )
    try:
        return decode(from_source("memory", message).to_fieldlist()[0])
    # Whatever ecCodes makes of damaged data.
    except Exception as error:
        raise DataError(
            f"{path}: the message at byte {offset} cannot be decoded: {error}.",
            fix="The file is damaged: copy or make it again.",
        ) from error


def _field(message: Message, handle: Any, path: Path) -> Field:
    import eccodes

    def get(key: str) -> Any:
        return eccodes.codes_get(handle, key)

    name, level_type = get("shortName"), get("typeOfLevel")
    if name == "unknown":
        name = f"unknown_{get('paramId')}"
    level = eccodes.codes_get(handle, "level", float)  # sigma 0.51, which is 1 as a whole number
    variable = _variable(handle, name, level_type, level)
    kind = get("gridType")
    if kind == "sh":
        raise DataError(
            f"{path} holds {variable} as spherical harmonics (the message at byte {message.offset}).",
            fix="Transform it to grid points first.",
        )
    base = _seconds(get("dataDate"), get("dataTime"))
    time = _seconds(get("validityDate"), get("validityTime"))
    start, process = NEVER, get("stepType")
    if process != INSTANT:
        eccodes.codes_set(handle, "stepUnits", "m")
        # Asked for as a number: as a text a step may have its unit beside it.
        start, time = (base + 60 * eccodes.codes_get(handle, key, int) for key in ("startStep", "endStep"))
    return Field(
        variable=Described(variable, get("units"), *of_grib(level_type, level), process, name),
        grid=f"{kind} {get('md5GridSection')}",
        version=str(get("expver")) if eccodes.codes_is_defined(handle, "expver") else "",
        member=int(get("number")) if eccodes.codes_is_defined(handle, "number") else 0,
        time=time,
        start=start,
        base=base,
        offset=message.offset,
        length=message.length,
        fingerprint=float(get("referenceValue")),
    )


def _variable(handle: Any, name: str, level_type: str, level: float) -> str:
    """The name of a variable as Anemoi has it: ``t_850``, but ``2t`` and ``msl``, whose names say it all."""
    import eccodes

    if level_type == "isobaricInPa":
        return level_name(name, level / 100)
    if level_type.startswith("heightAbove") and f"{level:g}" in name:  # 2t, 10u, mx2t
        return name
    if level_type.startswith("depthBelow") and name[-1].isdigit():  # stl1, swvl2
        return name
    if level_type.endswith("Layer") and level_type not in _LAYERS:
        top, bottom = (eccodes.codes_get(handle, key, float) for key in ("topLevel", "bottomLevel"))
        return name if top == bottom == 0 else f"{level_name(name, top, level_type)}-{bottom:g}"
    if level == 0 or level_type in _NO_LEVEL:
        return name
    return level_name(name, level, of_grib(level_type, level)[1])


def _seconds(date: int, time: int) -> int:
    """Seconds since 1970 of a date YYYYMMDD and a time HHMM."""
    year, month, day = date // 10000, date // 100 % 100, date % 100
    return int(datetime(year, month, day, time // 100, time % 100, tzinfo=timezone.utc).timestamp())


def _damaged(path: Path, message: Message, field: Field) -> DataError:
    left = path.stat().st_size - message.offset
    time = format_date(np.datetime64(field.time, "s"))
    what = f"its field {field.variable.name} for {time} (the message at byte {message.offset})"
    if left < message.length:
        said = f"{path} is truncated: {what} has {message.length} bytes, of which {left} are there."
    else:
        said = f"{path} is damaged: {what} does not end where it should."
    return DataError(said, fix="Copy or make the file again.")
