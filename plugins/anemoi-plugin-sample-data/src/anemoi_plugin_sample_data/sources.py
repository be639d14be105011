"""The data sets that come with this distribution, as sources."""

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


class SampleEarth(ZarrSource):
    """A simulated atmosphere over an ocean, not observations: 22 variables, six-hourly, on a T31 grid.

    Wind and temperature at sigma 0.200, 0.510 and 0.835, specific humidity at the lower two, geopotential
    at 0.510; surface pressure, temperature and wind near the surface, skin temperature; precipitation
    accumulated over the six hours before; sea-surface temperature and ice fraction, NaN over land; and
    two constants, the land-sea mask and the geopotential of the surface. 340 times on 48 latitudes by 96
    longitudes. Its statistics are those of the first 272.
    """

    def __init__(self) -> None:
        super().__init__(path=str(_DATA / "sample-earth.zarr.zip"))


class SampleEarthOcean(ZarrSource):
    """The ocean below ``sample-earth``, on a grid of its own: three variables, six-hourly, 4°.

    Sea-surface temperature, ice fraction, and the downward heat flux at the surface averaged over the six
    hours before, all NaN over land, on 45 latitudes by 90 longitudes at the times of ``sample-earth``. Its
    statistics are those of the first 272.
    """

    def __init__(self) -> None:
        super().__init__(path=str(_DATA / "sample-earth-ocean.zarr.zip"))
