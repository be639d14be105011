"""What the messages of a forecast begin as: nothing but a grid, or a message of a file."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import eccodes
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription

from .grids import TOLERANCE, grid_keys
from .messages import Key, contents

_SUFFIXES: Final = (".grib", ".grib1", ".grib2", ".grb", ".grb1", ".grb2")
"""What the names of such files end in, within a directory or as a pattern matches them."""


@dataclass(frozen=True)
class Template:
    """A message that others are made from.

    Parameters
    ----------
    message
        Its bytes; None for an empty one.
    keys
        What is set first.
    grid
        The keys of the grid; none where the message has it.
    """

    message: bytes | None
    keys: Mapping[str, Key]
    grid: Mapping[str, Key]


def from_grid(grid: Grid) -> Template:
    """Begin with nothing but the points, and name no centre.

    Raises
    ------
    DataError
        If they are on no grid that follows from them.
    """
    return Template(None, {"centre": 255}, grid_keys(grid))


def from_source(forecast: ForecastDescription) -> Template | None:
    """Begin with a message of what the forecast started from, if that is GRIB, is here, and has its points.

    None of a forecast that was brought to other points, of another source, or where its files are not.
    """
    for parent in forecast.provenance.get("parents", ()):
        if parent.get("format") != "grib" or not isinstance(parent.get("path"), str):
            continue
        file = _first_file(Path(parent["path"]).expanduser())
        with suppress(DataError):
            if file is not None:
                return from_file(str(file), forecast.grid)
    return None


def _first_file(path: Path) -> Path | None:
    """The first file that the source ``grib`` reads of a path: a file, a directory or a pattern."""
    if path.is_file():
        return path
    inside = path.rglob("*") if path.is_dir() else map(Path, glob.glob(str(path), recursive=True))
    return next(
        (each for each in sorted(inside) if each.suffix.lower() in _SUFFIXES and each.is_file()), None
    )


def from_file(path: str, grid: Grid) -> Template:
    """Begin with the first message of a file.

    Raises
    ------
    DataError
        If it cannot be read, or is on other points.
    """
    try:
        with Path(path).expanduser().open("rb") as file:
            handle = eccodes.codes_grib_new_from_file(file)
    except (OSError, eccodes.CodesInternalError) as error:
        raise DataError(f"The template {path} cannot be read: {error}.", fix="Give another file.") from error
    if handle is None:
        raise DataError(f"The template {path} holds no GRIB message.", fix="Give another file.")
    try:
        latitudes, longitudes = (
            eccodes.codes_get_array(handle, name) for name in ("latitudes", "longitudes")
        )
        if not Grid(latitudes, longitudes).matches(grid, tolerance=TOLERANCE):
            raise DataError(
                f"The template {path} has {len(latitudes)} points that are not the {len(grid)} of the "
                "forecast in their order.",
                fix="Give a file that the model was trained on, or that is on its grid.",
            )
        eccodes.codes_set(handle, "edition", 2)
        eccodes.codes_set(handle, "bitmapPresent", 0)
        message = contents(handle)
    finally:
        eccodes.codes_release(handle)
    return Template(message, {"productDefinitionTemplateNumber": 0}, {})
