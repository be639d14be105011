"""What small forecasts are made of."""

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable

HOUR = np.timedelta64(3600, "s")
START = np.datetime64("2020-02-28T18", "s")


def rows_and_columns(latitudes, longitudes):
    latitude, longitude = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(latitude.ravel().astype(float), longitude.ravel().astype(float), latitude.shape)


def on_pressure(name, units, level):
    return Variable(f"{name}_{level}", units=units, level=level, level_type="pressure")
