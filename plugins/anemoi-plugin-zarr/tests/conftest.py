"""A tiny data set written byte by byte, so that what reads it is tested against neither itself nor zarr."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anemoi.core.grid import Grid
from anemoi.core.interfaces.output import ForecastDescription

TIMES = np.datetime64("2020-01-31T00", "s") + np.arange(6) * np.timedelta64(6, "h")
LATITUDES = np.repeat([45.0, -45.0], 2)
LONGITUDES = np.tile([0.0, 180.0], 2)
DATA = np.arange(6 * 2 * 3 * 4, dtype="f4").reshape(6, 2, 3, 4)  # (time, variable, ensemble, cell)
ATTRIBUTES: dict[str, Any] = {
    "variables": ["t", "q"],
    "frequency": "6h",
    "field_shape": [2, 2],
    "missing_dates": [],
    "variables_metadata": {"t": {"units": "K"}, "q": {"mars": {"units": "kg kg-1"}}},
    "uuid": "1b671a64-40d5-491e-99b0-da01ff1f3341",
    "licence": "CC0",
    "attribution": "A test",
}
ARRAYS = {
    "dates": TIMES,
    "latitudes": LATITUDES,
    "longitudes": LONGITUDES,
    "mean": np.array([1.0, 2.0]),
    "stdev": np.array([3.0, 4.0]),
    "minimum": np.array([5.0, 6.0]),
    "maximum": np.array([7.0, 8.0]),
}

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write the data set, with other attributes or arrays; None leaves one out."""

    def write(
        attributes: dict[str, Any] | None = None, arrays: dict[str, Any] | None = None, data: Any = DATA
    ) -> Path:
        path = tmp_path / "made.zarr"
        path.mkdir()
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        known = {**ATTRIBUTES, **(attributes or {})}
        (path / ".zattrs").write_text(json.dumps({k: v for k, v in known.items() if v is not None}))
        for name, values in {**ARRAYS, "data": data, **(arrays or {})}.items():
            if values is not None:
                write_array(path / name, values, chunk=1 if name == "data" else len(values))
        return path

    return write


def write_array(path: Path, values: np.ndarray, chunk: int) -> None:
    """Write a Zarr array of format 2, uncompressed, ``chunk`` of the first axis at a time."""
    path.mkdir()
    about = {
        "zarr_format": 2,
        "shape": values.shape,
        "chunks": (chunk, *values.shape[1:]),
        "dtype": values.dtype.str,
        "compressor": None,
        "fill_value": "NaN" if values.dtype.kind == "f" else 0,
        "filters": None,
        "order": "C",
    }
    (path / ".zarray").write_text(json.dumps(about))
    for i in range(0, len(values), chunk):
        name = ".".join([str(i // chunk), *["0"] * (values.ndim - 1)])
        (path / name).write_bytes(np.ascontiguousarray(values[i : i + chunk]).tobytes())


@pytest.fixture
def description() -> ForecastDescription:
    """A forecast of three steps, two members and two variables."""
    return ForecastDescription(
        start=TIMES[0],
        lead_times=np.arange(1, 4) * np.timedelta64(6 * 3600, "s"),
        members=2,
        variables=("t", "q"),
        grid=Grid(LATITUDES, LONGITUDES, (2, 2)),
        units={"t": "K"},
        provenance={"kind": "forecast", "parents": [{"identity": "sha256:00"}], "command": "anemoi forecast"},
    )
