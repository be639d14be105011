"""What the variables of WeatherBench 2 and ARCO-ERA5 are, by the short names that ECMWF has for them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

PARAMETERS: Final = {
    "10m_u_component_of_wind": "10u",
    "10m_v_component_of_wind": "10v",
    "10m_wind_gust_since_previous_post_processing": "10fg",
    "100m_u_component_of_wind": "100u",
    "100m_v_component_of_wind": "100v",
    "2m_dewpoint_temperature": "2d",
    "2m_temperature": "2t",
    "angle_of_sub_gridscale_orography": "anor",
    "anisotropy_of_sub_gridscale_orography": "isor",
    "boundary_layer_height": "blh",
    "convective_available_potential_energy": "cape",
    "convective_precipitation": "cp",
    "divergence": "d",
    "evaporation": "e",
    "fraction_of_cloud_cover": "cc",
    "geopotential": "z",
    "geopotential_at_surface": "z",
    "high_cloud_cover": "hcc",
    "high_vegetation_cover": "cvh",
    "lake_cover": "cl",
    "lake_depth": "dl",
    "land_sea_mask": "lsm",
    "large_scale_precipitation": "lsp",
    "leaf_area_index_high_vegetation": "lai_hv",
    "leaf_area_index_low_vegetation": "lai_lv",
    "low_cloud_cover": "lcc",
    "low_vegetation_cover": "cvl",
    "maximum_2m_temperature_since_previous_post_processing": "mx2t",
    "mean_sea_level_pressure": "msl",
    "mean_surface_latent_heat_flux": "avg_slhtf",
    "mean_surface_net_long_wave_radiation_flux": "avg_snlwrf",
    "mean_surface_net_short_wave_radiation_flux": "avg_snswrf",
    "mean_surface_sensible_heat_flux": "avg_ishf",
    "mean_top_downward_short_wave_radiation_flux": "avg_tdswrf",
    "mean_top_net_long_wave_radiation_flux": "avg_tnlwrf",
    "mean_top_net_short_wave_radiation_flux": "avg_tnswrf",
    "mean_vertically_integrated_moisture_divergence": "avg_vimdf",
    "medium_cloud_cover": "mcc",
    "minimum_2m_temperature_since_previous_post_processing": "mn2t",
    "ozone_mass_mixing_ratio": "o3",
    "potential_vorticity": "pv",
    "relative_humidity": "r",
    "sea_ice_cover": "ci",
    "sea_surface_temperature": "sst",
    "skin_temperature": "skt",
    "slope_of_sub_gridscale_orography": "slor",
    "snow_depth": "sd",
    "snowfall": "sf",
    "soil_temperature_level_1": "stl1",
    "soil_temperature_level_2": "stl2",
    "soil_temperature_level_3": "stl3",
    "soil_temperature_level_4": "stl4",
    "soil_type": "slt",
    "specific_cloud_ice_water_content": "ciwc",
    "specific_cloud_liquid_water_content": "clwc",
    "specific_humidity": "q",
    "specific_rain_water_content": "crwc",
    "specific_snow_water_content": "cswc",
    "standard_deviation_of_filtered_subgrid_orography": "sdfor",
    "standard_deviation_of_orography": "sdor",
    "surface_latent_heat_flux": "slhf",
    "surface_net_solar_radiation": "ssr",
    "surface_net_thermal_radiation": "str",
    "surface_pressure": "sp",
    "surface_sensible_heat_flux": "sshf",
    "surface_solar_radiation_downwards": "ssrd",
    "surface_thermal_radiation_downwards": "strd",
    "temperature": "t",
    "toa_incident_solar_radiation": "tisr",
    "top_net_solar_radiation": "tsr",
    "top_net_thermal_radiation": "ttr",
    "total_cloud_cover": "tcc",
    "total_column_cloud_ice_water": "tciw",
    "total_column_cloud_liquid_water": "tclw",
    "total_column_vertically_integrated_water_vapour": "tcwv",
    "total_column_water": "tcw",
    "total_column_water_vapour": "tcwv",
    "total_precipitation": "tp",
    "type_of_high_vegetation": "tvh",
    "type_of_low_vegetation": "tvl",
    "u_component_of_wind": "u",
    "v_component_of_wind": "v",
    "vertical_velocity": "w",
    "volumetric_soil_water_layer_1": "swvl1",
    "volumetric_soil_water_layer_2": "swvl2",
    "volumetric_soil_water_layer_3": "swvl3",
    "volumetric_soil_water_layer_4": "swvl4",
    "vorticity": "vo",
}
"""The short name of each parameter by its name in the Climate Data Store, which both data sets use."""

SUMS: Final = frozenset(
    {"tp", "cp", "lsp", "sf", "e", "ssr", "str", "ssrd", "strd", "tsr", "ttr", "tisr", "slhf", "sshf"}
)
"""Those that are accumulated, over a time that a name may say: ``total_precipitation_6hr``."""

_PERIOD: Final = re.compile(r"(?P<name>\w+)_(?P<hours>\d+)hr")


def parameter(name: str) -> tuple[str | None, np.timedelta64 | None]:
    """Give the short name of what is called ``name``, None if it is not known, and what it is summed over."""
    if name in PARAMETERS:
        return PARAMETERS[name], None
    match = _PERIOD.fullmatch(name)
    short_name = None if match is None else PARAMETERS.get(match["name"])
    if match is None or short_name not in SUMS:
        return None, None
    return short_name, np.timedelta64(int(match["hours"]) * 3600, "s")
