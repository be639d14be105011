"""What the CF conventions call the variables that Anemoi names as ECMWF does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Quantity:
    """What is known of a quantity by its short name.

    Parameters
    ----------
    standard_name
        That of the CF standard name table.
    units
        Those, as ECMWF has them, in which it is what the standard name says.
    name
        What the variable is called in a file, where the short name begins with a digit.
    height
        How far above the surface it is, in metres, where that belongs to it.
    """

    standard_name: str
    units: str
    name: str | None = None
    height: float | None = None


ON_PRESSURE: Final[Mapping[str, Quantity]] = {
    "t": Quantity("air_temperature", "K"),
    "u": Quantity("eastward_wind", "m s-1"),
    "v": Quantity("northward_wind", "m s-1"),
    "w": Quantity("lagrangian_tendency_of_air_pressure", "Pa s-1"),
    "z": Quantity("geopotential", "m2 s-2"),
    "gh": Quantity("geopotential_height", "gpm"),
    "q": Quantity("specific_humidity", "kg kg-1"),
    "r": Quantity("relative_humidity", "%"),
    "d": Quantity("divergence_of_wind", "s-1"),
    "vo": Quantity("atmosphere_upward_relative_vorticity", "s-1"),
    "pv": Quantity("ertel_potential_vorticity", "K m2 kg-1 s-1"),
    "o3": Quantity("mass_fraction_of_ozone_in_air", "kg kg-1"),
    "clwc": Quantity("mass_fraction_of_cloud_liquid_water_in_air", "kg kg-1"),
    "ciwc": Quantity("mass_fraction_of_cloud_ice_in_air", "kg kg-1"),
    "cc": Quantity("cloud_area_fraction_in_atmosphere_layer", "1"),
}
"""Quantities on levels, such as ``t_850``."""

ELSEWHERE: Final[Mapping[str, Quantity]] = {
    "2t": Quantity("air_temperature", "K", "t2m", 2.0),
    "2d": Quantity("dew_point_temperature", "K", "d2m", 2.0),
    "10u": Quantity("eastward_wind", "m s-1", "u10", 10.0),
    "10v": Quantity("northward_wind", "m s-1", "v10", 10.0),
    "100u": Quantity("eastward_wind", "m s-1", "u100", 100.0),
    "100v": Quantity("northward_wind", "m s-1", "v100", 100.0),
    "msl": Quantity("air_pressure_at_mean_sea_level", "Pa"),
    "sp": Quantity("surface_air_pressure", "Pa"),
    "skt": Quantity("surface_temperature", "K"),
    "sst": Quantity("sea_surface_temperature", "K"),
    "tcwv": Quantity("atmosphere_mass_content_of_water_vapor", "kg m-2"),
    "tcc": Quantity("cloud_area_fraction", "1"),
    "tp": Quantity("lwe_thickness_of_precipitation_amount", "m"),
    "cp": Quantity("lwe_thickness_of_convective_precipitation_amount", "m"),
    "sf": Quantity("lwe_thickness_of_snowfall_amount", "m"),
    "ssrd": Quantity("integral_wrt_time_of_surface_downwelling_shortwave_flux_in_air", "J m-2"),
    "strd": Quantity("integral_wrt_time_of_surface_downwelling_longwave_flux_in_air", "J m-2"),
    "lsm": Quantity("land_area_fraction", "1"),
}


def identifier(variable: str) -> str:
    """What a variable is called in a file: letters, digits and underscores, and a letter first."""
    known = ELSEWHERE.get(variable)
    if known is not None and known.name is not None:
        return known.name
    name = re.sub(r"\W", "_", variable, flags=re.ASCII)
    return name if name[:1].isalpha() else f"v_{name}"
