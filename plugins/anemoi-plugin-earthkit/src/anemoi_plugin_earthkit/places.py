"""Where the points of a NetCDF file lie that has no latitudes and longitudes in degrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from .healpix import points as healpix
from .projections import places

_RADIANS: Final = frozenset({"radian", "radians", "rad"})
_ABOUT: Final = {
    "latitude": {"standard_name": "latitude", "units": "degrees_north"},
    "longitude": {"standard_name": "longitude", "units": "degrees_east"},
}
_MPAS: Final = {"latCell": "latitude", "lonCell": "longitude"}
"""The coordinates of MPAS, which are in radians and do not say so."""

_ALONG: Final = {
    "x": frozenset({"projection_x_coordinate", "grid_longitude"}),
    "y": frozenset({"projection_y_coordinate", "grid_latitude"}),
}
_METRES: Final = {"m": 1.0, "metre": 1.0, "meter": 1.0, "metres": 1.0, "meters": 1.0, "km": 1000.0}


def located(dataset: Any, path: Path) -> Any:
    """Give a dataset latitudes and longitudes in degrees.

    Radians become degrees, and the times of MPAS dates. Where there are no latitudes and longitudes, they
    follow from the grid mapping of the CF conventions: a rotated pole, a map projection, or HEALPix.

    Raises
    ------
    DataError
        If the grid mapping is not understood.
    """
    dataset = _in_degrees(dataset)
    if "xtime" in dataset.variables and "Time" in dataset.dims and "Time" not in dataset.variables:
        dataset = dataset.assign_coords(Time=_dates(dataset["xtime"].values)).drop_vars("xtime")
    mappings = {
        str(name): dict(variable.attrs)
        for name, variable in dataset.variables.items()
        if "grid_mapping_name" in variable.attrs
    }
    if mappings and not _has_places(dataset):
        name, mapping = next(iter(mappings.items()))
        dataset = _mapped(dataset, name, mapping, path)
    if _has_places(dataset):
        # What reads a variable would make of these that it is to find out where the points lie.
        projected = frozenset().union(*_ALONG.values())
        known = [each for each in dataset.coords if dataset[each].attrs.get("standard_name") in projected]
        dataset = dataset.drop_vars(known)
    for variable in dataset.variables.values():
        variable.attrs.pop("grid_mapping", None)
        variable.encoding.pop("grid_mapping", None)
    return dataset


def points_last(dataset: Any) -> tuple[Any, list[str]]:
    """Put the dimensions of the points last; give the dataset, and the variables that had another order.

    Parameters
    ----------
    dataset
        What :func:`located` gives.
    """
    if not _has_places(dataset):
        return dataset, []
    along = [
        set(variable.dims)
        for variable in dataset.variables.values()
        if any(
            variable.attrs.get("standard_name") == name or variable.attrs.get("units") == about["units"]
            for name, about in _ABOUT.items()
        )
    ]
    points = set().union(*along)
    turned = {}
    for name, variable in dataset.data_vars.items():
        inner = [each for each in variable.dims if each in points]
        if inner and points <= set(inner) and list(variable.dims[-len(inner) :]) != inner:
            turned[str(name)] = variable.transpose(..., *inner)
    return dataset.assign(turned), list(turned)


def _in_degrees(dataset: Any) -> Any:
    found = {}
    for name, variable in dataset.variables.items():
        place = _MPAS.get(str(name), variable.attrs.get("standard_name"))
        of_mpas = str(name) in _MPAS and "units" not in variable.attrs
        if place in _ABOUT and (of_mpas or variable.attrs.get("units") in _RADIANS):
            found[name] = (variable.dims, np.rad2deg(variable.values.astype(np.float64)), _ABOUT[place])
    return dataset.assign_coords(found) if found else dataset


def _has_places(dataset: Any) -> bool:
    attributes = [variable.attrs for variable in dataset.variables.values()]
    return all(
        any(about.get("standard_name") == name or about.get("units") == said["units"] for about in attributes)
        for name, said in _ABOUT.items()
    )


def _mapped(dataset: Any, name: str, mapping: dict[str, Any], path: Path) -> Any:
    kind = str(mapping["grid_mapping_name"])
    try:
        if kind == "healpix":
            users = [each for each in dataset.data_vars.values() if each.ndim and str(each.name) != name]
            dimension = str(users[0].dims[-1])
            latitudes, longitudes = healpix(mapping, dataset.sizes[dimension])
            dimensions: tuple[str, ...] = (dimension,)
        else:
            dimensions, latitudes, longitudes = _projected(dataset, mapping)
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(
            f"{path}: the grid mapping {name} ({kind}) gives no coordinates: {error}.",
            fix="Write latitudes and longitudes into the file: cdo setgrid, or xarray's assign_coords.",
        ) from error
    values = {"latitude": latitudes, "longitude": longitudes}
    return dataset.assign_coords({key: (dimensions, values[key], _ABOUT[key]) for key in values})


def _projected(
    dataset: Any, mapping: dict[str, Any]
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    along = {}
    for axis, names in _ALONG.items():
        there = [each for each in dataset.coords.values() if each.attrs.get("standard_name") in names]
        if len(there) != 1:
            raise ValueError(
                f"there is no one coordinate with the standard_name {' or '.join(sorted(names))}"
            )
        along[axis] = there[0]
    factors = [_METRES.get(str(each.attrs.get("units")), 1.0) for each in (along["x"], along["y"])]
    x, y = np.meshgrid(along["x"].values * factors[0], along["y"].values * factors[1])
    latitudes, longitudes = places(mapping, x, y)
    return (str(along["y"].dims[0]), str(along["x"].dims[0])), latitudes, longitudes


def _dates(letters: NDArray[Any]) -> NDArray[np.datetime64]:
    """The dates that MPAS writes letter by letter: ``2020-01-01_06:00:00``."""
    rows = letters if letters.ndim == 1 else np.array([b"".join(row) for row in letters])
    texts = [row.decode() if isinstance(row, bytes) else str(row) for row in rows]
    return np.array([text.strip("\0 ").replace("_", "T") for text in texts], dtype="datetime64[ns]")
