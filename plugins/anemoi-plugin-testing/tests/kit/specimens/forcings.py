"""Computed forcings."""

import random

import numpy as np
from anemoi.core.forcings.insolation import Insolation
from anemoi.core.forcings.position import CosLatitude
from anemoi.core.forcings.season import CosJulianDay
from anemoi.core.interfaces.forcing import Forcing

from . import caught_by, right

right("forcing")(CosLatitude)
right("forcing")(CosJulianDay)
right("forcing")(Insolation)

DAY = np.timedelta64(86400, "s")


@right("forcing")
class Tide(Forcing):
    """A wave that goes around the globe twice a day."""

    def __init__(self, *, height: float = 1.0):
        self.height = height

    def compute(self, latitudes, longitudes, times):
        turns = (times - np.datetime64("2000-01-01", "s")) / DAY
        return self.height * self.wave(latitudes, np.deg2rad(longitudes), 2 * np.pi * turns[:, None])

    def wave(self, latitudes, longitude, angle):
        return np.cos(np.deg2rad(latitudes)) * np.cos(2 * (angle + longitude))


@caught_by("options_are_declared", "forcing")
class UntypedOption(Tide):
    def __init__(self, *, height=1.0):
        super().__init__(height=height)


@caught_by("builds", "forcing")
class Fails(Tide):
    def __init__(self):
        raise RuntimeError("out of luck")


@caught_by("builds", "forcing")
class Whole(Tide):
    def compute(self, latitudes, longitudes, times):
        return np.rint(super().compute(latitudes, longitudes, times)).astype(int)


@caught_by("has_its_shape", "forcing")
class PlacesFirst(Tide):
    def compute(self, latitudes, longitudes, times):
        return super().compute(latitudes, longitudes, times).T


@caught_by("has_its_shape", "forcing")
class ConstantAtEachTime(CosLatitude):
    def compute(self, latitudes, longitudes, times):
        return np.repeat(super().compute(latitudes, longitudes, times), len(times), axis=0)


@caught_by("is_finite_everywhere", "forcing")
class DividesByTheCosine(Tide):
    def wave(self, latitudes, longitude, angle):
        sine = np.sin(np.deg2rad(latitudes))
        with np.errstate(all="ignore"):
            return np.cos(angle + longitude) * (1 - sine**2) / (1 - sine**2)


@caught_by("is_finite_everywhere", "forcing")
class KnowsNoLeapDay(Tide):
    def compute(self, latitudes, longitudes, times):
        leap = np.array([str(time)[5:10] == "02-29" for time in times])
        return np.where(leap[:, None], np.nan, super().compute(latitudes, longitudes, times))


@caught_by("is_of_order_one", "forcing")
class InDegrees(Forcing):
    constant = True

    def compute(self, latitudes, longitudes, times):
        return latitudes[None]


@caught_by("is_of_order_one", "forcing")
class Zero(Forcing):
    constant = True

    def compute(self, latitudes, longitudes, times):
        return np.zeros((1, len(latitudes)))


@caught_by("is_the_same_every_time", "forcing")
class Noise(Tide):
    def wave(self, latitudes, longitude, angle):
        return super().wave(latitudes, longitude, angle) * random.random()


@caught_by("is_the_same_every_time", "forcing")
class RemembersPlacesByTheirNumber(Tide):
    def __init__(self):
        super().__init__()
        self.known = {}

    def compute(self, latitudes, longitudes, times):
        kept = self.known.setdefault(len(latitudes), latitudes)
        self.known[len(latitudes)] = latitudes
        return super().compute(kept, longitudes, times)


@caught_by("turns_around_the_globe", "forcing")
class HalfALongitude(Tide):
    def wave(self, latitudes, longitude, angle):
        return np.cos(angle + longitude / 2)


@caught_by("takes_times_in_any_order", "forcing")
class CountsFromTheFirstTime(Tide):
    def compute(self, latitudes, longitudes, times):
        turns = (times - times[0]) / DAY
        return self.wave(latitudes, np.deg2rad(longitudes), 2 * np.pi * turns[:, None])


@caught_by("takes_places_in_any_order", "forcing")
class SubtractsItsMean(Tide):
    def wave(self, latitudes, longitude, angle):
        wave = super().wave(latitudes, longitude, angle)
        return wave - wave.mean(axis=1, keepdims=True)


@caught_by("is_constant_if_it_says_so", "forcing")
class NotConstantAtAll(Tide):
    constant = True

    def compute(self, latitudes, longitudes, times):
        return super().compute(latitudes, longitudes, times)[:1]


@caught_by("is_constant_if_it_says_so", "forcing")
class ConstantInSilence(Tide):
    def wave(self, latitudes, longitude, angle):
        return np.cos(np.deg2rad(latitudes)) + 0.0 * angle


@caught_by("leaves_its_input_alone", "forcing")
class TurnsThePlaces(Tide):
    def compute(self, latitudes, longitudes, times):
        made = super().compute(latitudes, longitudes, times)
        longitudes += 360.0
        return made


@caught_by("leaves_its_input_alone", "forcing")
class WritesWhatItFinds(Tide):
    def compute(self, latitudes, longitudes, times):
        latitudes *= 1.0
        return super().compute(latitudes, longitudes, times)


@caught_by("options_survive_a_configuration", "forcing")
class DefaultOfAnotherType(Tide):
    def __init__(self, *, height: int = 0.5):
        super().__init__(height=height)
