"""Make ``reference.zarr.zip`` with anemoi-datasets, and ``reference.npz`` with what it reads there.

    python make_reference.py

needs anemoi-datasets 0.5 (0.5.47 was used), xarray and netCDF4. The values are random.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from anemoi.datasets import open_dataset

HERE = Path(__file__).parent
START, TIMES, MISSING = np.datetime64("2020-02-27T00", "ns"), 8, 2
RECIPE = {
    "name": "reference",
    "description": "Random numbers",
    "licence": "CC0-1.0",
    "attribution": "Made for a test",
    "dates": {"start": "2020-02-27T00:00:00", "end": "2020-02-28T18:00:00", "frequency": "6h",
              "missing": ["2020-02-27T12:00:00"]},
    "statistics": {"end": "2020-02-28T06:00:00"},
    "output": {"dtype": "float32"},
    "input": {"netcdf": {"path": "input.nc", "param": ["t2m", "msl"]}},
}  # fmt: skip


def main() -> None:
    """Make the input, the data set of it, and the arrays that are read from that."""
    random = np.random.default_rng(0)
    coordinates = {
        "time": START + np.arange(TIMES) * np.timedelta64(6, "h"),
        "latitude": ("latitude", [60.0, 0.0, -60.0], {"units": "degrees_north", "standard_name": "latitude"}),
        "longitude": (
            "longitude",
            [0.0, 90.0, 180.0, 270.0],
            {"units": "degrees_east", "standard_name": "longitude"},
        ),
    }
    fields = {
        name: (("time", "latitude", "longitude"), random.normal(mean, 10, (TIMES, 3, 4)).astype("f4"))
        for name, mean in {"t2m": 280, "msl": 101000}.items()
    }
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        data = xr.Dataset(fields, coordinates)
        data["t2m"].attrs["units"], data["msl"].attrs["units"] = "K", "Pa"
        data.to_netcdf("input.nc")
        Path("recipe.yaml").write_text(json.dumps(RECIPE))
        subprocess.run(["anemoi-datasets", "create", "recipe.yaml", "reference.zarr"], check=True)
        shutil.make_archive(str(HERE / "reference.zarr"), "zip", "reference.zarr")
    made = open_dataset(str(HERE / "reference.zarr.zip"))
    read = [made[i] for i in range(TIMES) if i != MISSING]
    np.savez(
        HERE / "reference.npz",
        data=read,
        dates=made.dates,
        latitudes=made.latitudes,
        longitudes=made.longitudes,
        **made.statistics,
    )


if __name__ == "__main__":
    main()
