"""What the messages of a forecast begin as: nothing but a grid, or a message of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import eccodes
from anemoi.core.errors import DataError
from anemoi.core.grid import Grid

from .grids import TOLERANCE, grid_keys
from .messages import Key, contents


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
