"""Make the data set ``sample`` from the netCDF file that it comes from.

    python scripts/make_sample.py era5_msl_2p5deg_6h_2025-12-01_26.nc

needs netCDF4 besides this distribution. DATA.md tells where the file comes from.
"""

from __future__ import annotations

import sys
from pathlib import Path

import netCDF4
import numpy as np
from anemoi.core.grid import Grid
from embed import check_input, embed

SHA256 = "42e9424586c1f512ab8b11dc3d92681cb819cce1b2b52bbce77be6e5e3f5d498"
STATISTICS_TIMES = 84  # the 20 times after them are for testing


def main(path: Path) -> None:
    """Read ``path``, check that it is the file meant, and write the data set."""
    check_input(path, SHA256)
    with netCDF4.Dataset(path) as file:
        latitudes, longitudes = (file[name][:].filled() for name in ("latitude", "longitude"))
        times = np.datetime64("1970-01-01", "s") + file["time"][:].filled().astype("timedelta64[s]")
        fields = file["msl"][:].filled(np.nan)
        attribution, licence = file.attribution, file.licence
        obtained_from, history = file.obtained_from, file.history
    embed(
        "sample",
        fields=fields.reshape(len(times), 1, -1, 1),  # (time, ensemble, grid, variable)
        variables=["msl"],
        units={"msl": "Pa"},
        grid=Grid(
            np.repeat(latitudes, len(longitudes)),
            np.tile(longitudes, len(latitudes)),
            (len(latitudes), len(longitudes)),
        ),
        times=times,
        statistics_times=STATISTICS_TIMES,
        input_sha256=SHA256,
        attributes={
            "description": "ERA5 reanalysis, mean sea level pressure, 2.5 degrees, six-hourly, "
            "1 to 26 December 2025",
            "licence": licence,
            "attribution": attribution,
            "provenance": {"input": path.name, "obtained_from": obtained_from, "history": history},
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
