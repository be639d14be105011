"""The points of a reduced Gaussian grid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from anemoi.core.errors import AbsentError, ConfigError
from numpy.typing import NDArray
from scipy.special import roots_legendre

from ..interfaces import NodeBuilder
from ..node_set import NodeSet


@dataclass(frozen=True, kw_only=True)
class ReducedGaussianNodes(NodeBuilder):
    """The points of a reduced Gaussian grid of ECMWF, row by row from the north, east from 0°.

    Rows lie at the roots of a Legendre polynomial. An octahedral grid has 20 points in the row next to each
    pole and four more in each one after it (Malardel et al., ECMWF Newsletter 146, 2016); the rows of a
    classical grid are those of the tables of ecCodes.

    Parameters
    ----------
    grid
        Its name: ``O96``, ``N320``, ...

    Raises
    ------
    ConfigError
        If there is no such grid.
    AbsentError
        For a classical grid, without ecCodes.
    """

    grid: str = "O32"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[OoNn][1-9]\d{0,3}", self.grid):
            raise ConfigError(
                f"There is no reduced Gaussian grid {self.grid!r}.",
                fix="Write O (octahedral) or N (classical), and the rows from pole to equator: O96.",
            )

    def build(self, nodes: Mapping[str, NodeSet]) -> NodeSet:
        """See :meth:`.NodeBuilder.build`."""
        number = int(self.grid[1:])
        points = octahedral_rows(number) if self.grid[0] in "Oo" else classical_rows(number)
        sines = roots_legendre(2 * number)[0][::-1]
        latitudes = np.repeat(np.rad2deg(np.arcsin(sines)), points)
        longitudes = np.concatenate([np.arange(count) * (360.0 / count) for count in points])
        return NodeSet(latitudes, longitudes)


def octahedral_rows(number: int) -> NDArray[np.int64]:
    """How many points each row of an octahedral grid has, from the north, ``(2 * number,)``."""
    half = 20 + 4 * np.arange(number, dtype=np.int64)
    return np.concatenate([half, half[::-1]])


def classical_rows(number: int) -> NDArray[np.int64]:
    """How many points each row of a classical grid has, from the north, ``(2 * number,)``."""
    try:
        import eccodes
    except (ImportError, RuntimeError) as error:
        raise AbsentError(
            "The rows of classical reduced Gaussian grids are those of ecCodes, which is not installed.",
            requirement="anemoi-plugin-graphs[classical]",
            fix='Install it: pip install "anemoi-plugin-graphs[classical]"',
        ) from error
    try:
        handle = eccodes.codes_grib_new_from_samples(f"reduced_gg_pl_{number}_grib2")
    except eccodes.CodesInternalError as error:
        raise ConfigError(
            f"ecCodes has no table of the grid N{number}.",
            fix="It has N32, N48, N64, N80, N96, N128, N160, N200, N256, N320, N400, N512, N640, ...",
        ) from error
    try:
        return np.asarray(eccodes.codes_get_array(handle, "pl"), dtype=np.int64)
    finally:
        eccodes.codes_release(handle)
