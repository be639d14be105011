"""Weights of MIR, the interpolation software of ECMWF, which earthkit-geo brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from anemoi.core.errors import AbsentError, DataError
from anemoi.core.grid import Grid
from scipy.sparse import coo_array, csr_array, load_npz

from .weights import uncovered

METHODS: Final = {"grid-box-average": "grid-box-average", "mir-linear": "linear"}
"""What MIR calls those methods of ``regrid`` that are its own."""

CLASSICAL: Final = frozenset(
    {16, 24, 32, 48, 64, 80, 96, 128, 160, 200, 256, 320, 400, 512, 576, 640, 800, 1024, 1280, 1600, 2000}
)
"""The numbers of the classical reduced Gaussian grids, the rows of which it has in tables."""

_DIGITS: Final = 6
"""Of degrees; coordinates in single precision have no more."""


@lru_cache(maxsize=16)  # forecasts from many dates share their grids
def mir_weights(source: Grid, target: Grid, method: str) -> csr_array:
    """Let MIR compute the weights, ``(target, source)``, of one of ``METHODS``.

    Raises
    ------
    AbsentError
        Without earthkit-geo.
    DataError
        If one of the grids is none that MIR has a name for, it has no such weights between them, or a point
        lies beyond all of the source, to which it gives none.
    """
    (ours, columns), (theirs, rows) = _named(source), _named(target)
    weights = coo_array(_computed(ours, theirs, METHODS[method]))
    shape = (len(target), len(source))
    matrix = csr_array((weights.data, (rows[weights.coords[0]], columns[weights.coords[1]])), shape=shape)
    without = np.flatnonzero(np.diff(matrix.indptr) == 0)
    if len(without):  # their values would be zeros
        raise uncovered(target, len(without), int(without[0]))
    return matrix


def mir_grid(spec: dict[str, Any]) -> Grid:
    """The points of a grid as MIR calls it: ``{"grid": "N48"}``, ``{"grid": [1.0, 1.0]}``.

    Raises
    ------
    AbsentError
        Without earthkit-geo.
    """
    try:
        from earthkit.geo.grids import Grid as Named
    except (ImportError, RuntimeError) as error:
        raise AbsentError(
            f"The methods {' and '.join(METHODS)} and grids such as N48 are those of earthkit-geo, which is "
            "not installed.",
            requirement="anemoi-plugin-postprocessing[earthkit-geo]",
            fix='Install it: pip install "anemoi-plugin-postprocessing[earthkit-geo]"',
        ) from error
    latitudes, longitudes = Named(spec).to_latlons()
    return Grid(np.array(latitudes, dtype=np.float64), np.array(longitudes, dtype=np.float64))


def _named(grid: Grid) -> tuple[dict[str, Any], Any]:
    """What MIR calls a grid, and which of our points each of its own is."""
    for spec in _names(grid):
        order = mir_grid(spec).order_of(grid)
        if order is not None:
            return spec, order
    raise DataError(
        f"The {len(grid)} points are no grid of rows and columns and no Gaussian one, which MIR knows.",
        fix="Choose another method: {name: regrid, method: linear, grid: ...}.",
    )


def _names(grid: Grid) -> Iterator[dict[str, Any]]:
    """What a grid may be called, by its rows."""
    if grid.axes is not None:
        north, east = grid.axes
        steps = [round(float(np.ptp(axis)) / max(len(axis) - 1, 1), _DIGITS) for axis in (east, north)]
        west = (east.min() + 180.0) % 360.0 - 180.0
        area = [north.max(), west, north.min(), west + np.ptp(east)]
        yield {"grid": steps, "area": [round(float(edge), _DIGITS) for edge in area]}
    number = len(np.unique(grid.latitudes.round(3))) // 2
    yield from ({"grid": f"{kind}{number}"} for kind in ("OFN" if number in CLASSICAL else "OF"))


def _computed(source: dict[str, Any], target: dict[str, Any], method: str) -> Any:
    """Compute weights, in a process of its own: MIR writes to standard output and keeps a cache."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "weights.npz")
        command = [sys.executable, "-m", "mir.tools.weight_matrix_create"]
        command += ["--in-grid", json.dumps(source), "--out-grid", json.dumps(target)]
        command += ["--output", str(file), f"--interpolation={method}"]
        environment = {"MIR_CACHE_PATH": folder, **os.environ}
        # There, because Python would import a mir.py of the user's directory instead.
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
            raise DataError(
                f"MIR cannot compute {method} from {source} to {target}: {said[-1]}",
                fix="Choose another method: {name: regrid, method: linear, grid: ...}.",
            )
        return load_npz(file)
