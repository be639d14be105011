"""The sources ``sample`` and ``sample-atmosphere``: data sets that come with this distribution."""

from __future__ import annotations

from pathlib import Path

from anemoi_plugin_zarr import ZarrSource

_DATA = Path(__file__).parent / "data"


class Sample(ZarrSource):
    """Six-hourly mean sea level pressure of the ERA5 reanalysis, 1 to 26 December 2025, 2.5°.

    One variable, ``msl`` in Pa, on 73 latitudes by 144 longitudes, at 104 times. Its statistics
    are those of the first 84.
    """

    def __init__(self) -> None:
        super().__init__(path=str(_DATA / "sample.zarr.zip"))


class SampleAtmosphere(ZarrSource):
    """A simulated atmosphere, not observations: nine variables, six-hourly, on a T31 Gaussian grid.

    Wind, temperature and geopotential at sigma 0.510, wind, temperature and specific humidity at
    sigma 0.835, and the surface pressure, on 48 latitudes by 96 longitudes.
    """

    def __init__(self) -> None:
        super().__init__(path=str(_DATA / "sample-atmosphere.zarr.zip"))
