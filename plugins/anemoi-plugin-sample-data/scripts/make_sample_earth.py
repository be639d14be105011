"""Make the data sets ``sample-earth`` and ``sample-earth-ocean`` from the netCDF files that they come from.

    python scripts/make_sample_earth.py earth_atmosphere.nc earth_ocean.nc

needs netCDF4 besides this distribution. DATA.md tells where the files come from.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from anemoi.core.grid import Grid
from embed import check_input, embed
from numcodecs import AsType, Blosc, Delta, FixedScaleOffset
from numpy.typing import NDArray

ATMOSPHERE_SHA256 = "cab01eea9619bf9707aa931aeb6b0de5052423bcd08214f241883b81442e61b0"
OCEAN_SHA256 = "f903208ac58b2be53b9b729c79c9d24cd9f21a8342be737b94e6b111e94d0a2c"

TIMES = 85 * 4
STATISTICS_TIMES = 68 * 4  # 80 %; the 17 days after them are for testing
CHUNK_TIMES = 4  # sea-surface temperature and ice change once a day, and each chunk stores them once

# Each variable is rounded to a multiple of the largest power of two that is at most a third of the standard
# deviation of its six-hourly changes, which adds less than 2 % to the variance of those changes. Exceptions:
# precipitation, most of which is light, is rounded to 0.06 mm; the ice fraction, most of which does not
# change, to the step that the file itself is rounded to; constants cost little.
ATMOSPHERE_STEPS = {
    "u_200": 2**-1,
    "u_510": 2**-1,
    "u_835": 2**-2,
    "v_200": 2**-1,
    "v_510": 2**-1,
    "v_835": 2**-1,
    "t_200": 2**-3,
    "t_510": 2**-2,
    "t_835": 2**-2,
    "q_510": 2**-14,
    "q_835": 2**-14,
    "z_510": 2**5,
    "sp": 2**5,
    "2t": 2**-3,
    "10u": 2**-2,
    "10v": 2**-1,
    "skt": 2**-3,
    "tp": 2**-14,
    "sst": 2**-6,
    "ci": 2**-10,
    "lsm": 2**-8,
    "z_sfc": 2**4,
}
OCEAN_STEPS = {"sst": 2**-6, "ci": 2**-10, "hf": 2**2}

PARAMS = {"z_sfc": "z"}
"""The MARS names of the variables at the surface that have another name here."""

OVER_SIX_HOURS = {
    "tp": {"process": "accumulation", "period": [0, 6], "accumulated": True},
    "hf": {"process": "average", "period": [0, 6]},
}
"""Metadata of the variables that are valid over the six hours before each time."""

SCALE = 2**14
"""One over the finest step."""


def filters(values: int) -> list[Any]:
    """The compression of a chunk of so many values.

    In units of the finest step all values are integers, and neighbours along a circle of latitude lie
    nearly on a line, so their second differences are small. There is no integer for NaN, but successive
    float64 from 2**52 to 2**53 differ by one: with 1.5 * 2**52 added, the bits of the values count up like
    integers, and NaN stays NaN. Blosc compresses the whole chunk as one block, so a field that is the same
    at all its times is stored once.
    """
    return [
        AsType(encode_dtype="<f8", decode_dtype="<f4"),
        FixedScaleOffset(offset=-1.5 * 2**52 / SCALE, scale=SCALE, dtype="<f8", astype="<f8"),
        Delta(dtype="<i8"),
        Delta(dtype="<i8"),
        Blosc(cname="zstd", clevel=9, shuffle=Blosc.BITSHUFFLE, blocksize=8 * values),
    ]


def main(atmosphere: Path, ocean: Path) -> None:
    """Read both files, check that they are the files meant, and write the data sets."""
    check_input(atmosphere, ATMOSPHERE_SHA256)
    check_input(ocean, OCEAN_SHA256)
    _make("sample-earth", atmosphere, ATMOSPHERE_STEPS, ATMOSPHERE_SHA256)
    _make("sample-earth-ocean", ocean, OCEAN_STEPS, OCEAN_SHA256)


def _make(name: str, path: Path, steps: Mapping[str, float], sha256: str) -> None:
    with netCDF4.Dataset(path) as file:
        latitudes, longitudes = (file[each][:].filled() for each in ("latitude", "longitude"))
        start = np.datetime64(file["time"].units.removeprefix("hours since ").replace(" ", "T"), "s")
        times = start + file["time"][:TIMES].filled().astype("timedelta64[h]")
        fields = np.stack([_rounded(file[variable], step) for variable, step in steps.items()], axis=-1)
        metadata = {variable: _metadata(file[variable]) for variable in steps}
        constants = [variable for variable in steps if metadata[variable].get("constant_in_time")]
        title, source, licence = file.title, file.source, file.licence
    fields = fields.reshape(len(times), 1, -1, len(steps))  # (time, ensemble, grid, variable)
    embed(
        name,
        fields=fields,
        variables=list(steps),
        units={variable: known["units"] for variable, known in metadata.items()},
        grid=Grid(
            np.repeat(latitudes, len(longitudes)),
            np.tile(longitudes, len(latitudes)),
            (len(latitudes), len(longitudes)),
        ),
        times=times,
        statistics_times=STATISTICS_TIMES,
        input_sha256=sha256,
        attributes={
            "description": f"A simulation, not observations. {title}; {len(times) // 4} days of it, "
            "each variable rounded to a multiple of a power of two",
            "licence": licence,
            "attribution": source,
            "variables_metadata": metadata,
            "constant_fields": constants,
            "allow_nans": [
                variable for variable, column in zip(steps, fields.T, strict=True) if np.isnan(column).any()
            ],
            "provenance": {"simulated": True, "input": path.name, "rounded_to": dict(steps)},
        },
        changes=True,
        chunk_times=CHUNK_TIMES,
        filters=filters(CHUNK_TIMES * fields[0].size),
    )


def _rounded(variable: netCDF4.Variable, step: float) -> NDArray[np.float32]:
    """The values ``(time, latitude, longitude)``; a constant is repeated."""
    varies = "time" in variable.dimensions
    # netCDF4 decodes the packed integers to float64.
    values = (variable[:TIMES] if varies else variable[:]).filled(np.nan)
    rounded = (np.round(values / step) * step + 0.0).astype("float32")  # + 0.0 makes -0 into 0
    return rounded if varies else np.broadcast_to(rounded, (TIMES, *rounded.shape))


def _metadata(variable: netCDF4.Variable) -> dict[str, Any]:
    """The metadata of a variable, under the names that anemoi-datasets gives them."""
    name = variable.name
    mars = {"param": PARAMS.get(name, name), "levtype": "sfc"}
    if "level" in variable.ncattrs():
        mars = {
            "param": name.partition("_")[0],
            "levtype": variable.level_type,
            "levelist": float(variable.level),
        }
    known = {"mars": mars, "units": variable.units, **OVER_SIX_HOURS.get(name, {})}
    return known if "time" in variable.dimensions else {**known, "constant_in_time": True}


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
