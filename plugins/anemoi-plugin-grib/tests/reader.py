"""Reads GRIB by what eccodes alone makes of it, with nothing of what writes."""

from __future__ import annotations

import eccodes
import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource


def messages(path, *keys):
    """The keys of each message, its values among them."""
    found = []
    with open(path, "rb") as file:
        while (handle := eccodes.codes_grib_new_from_file(file)) is not None:
            there = [key for key in keys if eccodes.codes_is_defined(handle, key)]
            found.append(dict.fromkeys(keys) | {key: eccodes.codes_get(handle, key) for key in there})
            found[-1]["values"] = eccodes.codes_get_values(handle)
            found[-1]["points"] = [
                eccodes.codes_get_array(handle, name) for name in ("latitudes", "longitudes")
            ]
            eccodes.codes_release(handle)
    return found


class Reader(DataSource):
    def __init__(self, *, path):
        self.found = messages(path, "shortName", "validityDate", "validityTime", "number")
        assert self.found
        for each in self.found:
            day, time = str(each["validityDate"]), each["validityTime"]
            each["time"] = np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}", "s") + np.timedelta64(
                time // 100 * 60 + time % 100, "m"
            )

    variables = property(lambda self: tuple(dict.fromkeys(each["shortName"] for each in self.found)))
    times = property(lambda self: np.unique([each["time"] for each in self.found]))
    frequency = property(lambda self: self.times[1] - self.times[0])
    grid = property(lambda self: Grid(*self.found[0]["points"]))
    statistics = property(lambda self: None)
    missing = property(lambda self: frozenset())
    provenance = property(lambda self: {})

    def read(self, times):
        members = 1 + max(each["number"] for each in self.found)
        fields = np.full((len(times), members, len(self.grid), len(self.variables)), np.nan, np.float32)
        for each in self.found:
            (step,) = np.flatnonzero(times == each["time"])
            fields[step, each["number"], :, self.variables.index(each["shortName"])] = each["values"]
        return fields
