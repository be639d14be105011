"""Make the data set ``sample-atmosphere`` from the netCDF file that it comes from.

    python scripts/make_sample_atmosphere.py jcm_t31_6h_360days.nc

needs netCDF4 besides this distribution. DATA.md tells where the file comes from.
"""

from __future__ import annotations

import sys
from pathlib import Path

import netCDF4
import numpy as np
from anemoi.core.grid import Grid
from embed import check_input, embed
from numcodecs import Delta, FixedScaleOffset

SHA256 = "bcfd8ec5e5560fdbbf50ee30a3206b23448eca3d61fe7fbff95a6de72346954f"
TIMES = 116 * 4
STATISTICS_TIMES = 100 * 4  # the 16 days after them are for testing

# Each variable is rounded to a multiple of a power of two, which is near the step that the file
# itself is rounded to: 0.07 to 0.09 m/s and K, 15 m2/s2, 1.5e-5 and 14 Pa.
STEPS = {
    "u_510": 2**-3,
    "v_510": 2**-3,
    "t_510": 2**-3,
    "z_510": 2**4,
    "u_835": 2**-3,
    "v_835": 2**-3,
    "t_835": 2**-3,
    "q_835": 2**-16,
    "sp": 2**4,
}

# In units of the finest step all values are integers, and neighbours along a circle of latitude lie
# nearly on a line, so that their second differences are small; they need half of the bits.
FILTERS = [
    FixedScaleOffset(offset=0, scale=2**16, dtype="<f4", astype="<i8"),
    Delta(dtype="<i8"),
    Delta(dtype="<i8"),
]


def main(path: Path) -> None:
    """Read ``path``, check that it is the file meant, and write the data set."""
    check_input(path, SHA256)
    with netCDF4.Dataset(path) as file:
        latitudes, longitudes = (file[name][:].filled() for name in ("latitude", "longitude"))
        start = np.datetime64(file["time"].units.removeprefix("hours since ").replace(" ", "T"), "s")
        times = start + file["time"][:TIMES].filled().astype("timedelta64[h]")
        fields = np.stack([_rounded(file[name], step) for name, step in STEPS.items()], axis=-1)
        units = {name: file[name].units for name in STEPS}
        title, source, comment, licence = file.title, file.source, file.comment, file.licence
    embed(
        "sample-atmosphere",
        fields=fields.reshape(len(times), 1, -1, len(STEPS)),  # (time, ensemble, grid, variable)
        variables=list(STEPS),
        units=units,
        grid=Grid(
            np.repeat(latitudes, len(longitudes)),
            np.tile(longitudes, len(latitudes)),
            (len(latitudes), len(longitudes)),
        ),
        times=times,
        statistics_times=STATISTICS_TIMES,
        input_sha256=SHA256,
        attributes={
            "description": f"A simulation, not observations. {title}; {len(times) // 4} days of it, "
            "each variable rounded to a multiple of a power of two",
            "licence": licence,
            "attribution": source,
            "provenance": {"simulated": True, "input": path.name, "comment": comment, "rounded_to": STEPS},
        },
        filters=FILTERS,
    )


def _rounded(variable: netCDF4.Variable, step: float) -> np.ndarray:
    # netCDF4 decodes the packed integers to float64.
    values = variable[:TIMES].filled(np.nan)
    return (np.round(values / step) * step).astype("float32")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
