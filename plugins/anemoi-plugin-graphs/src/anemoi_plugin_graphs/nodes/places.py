"""Nodes at places that are known: written out, in a file, or those of a data source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from anemoi.core.config import Builder, Component
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from numpy.typing import NDArray

from ..interfaces import NodeBuilder
from ..netcdf import opened
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class ListedNodes(NodeBuilder):
    """Nodes at places that are written out.

    Parameters
    ----------
    latitudes, longitudes
        Of each node, in degrees.

    Raises
    ------
    ConfigError
        If there are not as many of both, or none.
    """

    latitudes: tuple[float, ...] = (0.0,)
    longitudes: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        if not self.latitudes or len(self.latitudes) != len(self.longitudes):
            raise ConfigError(
                f"There are {len(self.latitudes)} latitudes and {len(self.longitudes)} longitudes.",
                fix="Write one of each for every node.",
            )

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        return _checked(np.array(self.latitudes), np.array(self.longitudes), "the options")


@dataclass(frozen=True, kw_only=True)
class FileNodes(NodeBuilder):
    """Nodes at the places that a file lists.

    Parameters
    ----------
    path
        An ``.npz`` file, or, with the package netCDF4, a NetCDF one. Coordinates in radians are taken as such
        if the file says so.
    latitudes, longitudes
        What they are called in it. Two axes of a regular grid (of one dimension each, and different names of
        dimensions) make its points, row by row.

    Raises
    ------
    DataError
        If the file cannot be read, or has no such places.
    """

    path: Path
    latitudes: str = "latitudes"
    longitudes: str = "longitudes"

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        names = (self.latitudes, self.longitudes)
        read = _read_npz if self.path.suffix == ".npz" else _read_netcdf
        north, east = read(self.path, names)
        return _checked(north, east, str(self.path))


@dataclass(frozen=True, kw_only=True)
class SourceNodes(NodeBuilder):
    """Nodes at the points of the grid of a data source.

    Parameters
    ----------
    source
        Its name and options.
    """

    source: Annotated[Builder, Component("source")]

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        source: DataSource = self.source()
        return NodeSet.of(source.grid)


def _read_npz(path: Path, names: tuple[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            absent = [name for name in names if name not in stored]
            if absent:
                raise DataError(f"{path} has no {absent[0]}; it has {', '.join(stored)}.")
            north, east = (np.asarray(stored[name], dtype=np.float64).ravel() for name in names)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an .npz file: {error}") from error
    return north, east


def _read_netcdf(path: Path, names: tuple[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with opened(path, names) as dataset:
        variables = [dataset.variables[name] for name in names]
        dimensions = [each.dimensions for each in variables]
        north, east = (_degrees(each) for each in variables)
    if dimensions[0] != dimensions[1] and all(len(each) == 1 for each in dimensions):
        north, east = np.meshgrid(north, east, indexing="ij")
    return north.ravel(), east.ravel()


def _degrees(variable: object) -> NDArray[np.float64]:
    values = np.ma.filled(np.ma.asarray(variable[:], dtype=np.float64), np.nan)  # type: ignore[index]
    radians = str(getattr(variable, "units", "")).lower().startswith("rad")
    return np.rad2deg(values) if radians else values


def _checked(north: NDArray[np.float64], east: NDArray[np.float64], where: str) -> NodeSet:
    try:
        return NodeSet.of(Grid(north, east))
    except DataError as error:
        raise DataError(f"The nodes of {where} are not places: {error.what}", fix=error.fix) from error
