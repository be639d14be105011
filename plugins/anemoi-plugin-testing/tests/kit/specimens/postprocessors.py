"""Postprocessors: sums and other units, right and wrong."""

import dataclasses
import random

import numpy as np
from anemoi.core.grid import Grid
from anemoi.core.interfaces import PostProcessor
from anemoi.core.variable import Variable

from . import caught_by, right


@right("postprocessor")
class Celsius(PostProcessor):
    """Temperatures in degrees Celsius, and nothing else."""

    def __init__(self, *, forecast, zero: float = 273.15):
        super().__init__(forecast=forecast)
        self.zero = zero
        self.names = [name for name in forecast.variables if forecast.units.get(name) == "K"]

    @property
    def after(self):
        about = (dataclasses.replace(self.before.about(name), units="degC") for name in self.names)
        return self.before.with_variables(about)

    def apply(self, state):
        columns = [self.before.variables.index(name) for name in self.names]
        return self.made(state.fields[..., columns])

    def made(self, fields):
        return (fields - self.zero).astype(np.float32)


@right("postprocessor")
class Summed(Celsius):
    """All states so far, added up."""

    def __init__(self, *, forecast):
        super().__init__(forecast=forecast)
        self.total = np.float32(0.0)

    def made(self, fields):
        self.total = self.total + fields
        return self.total


@right("postprocessor")
class Mean(Celsius):
    """The mean of the members."""

    @property
    def after(self):
        return dataclasses.replace(super().after, members=1)

    def made(self, fields):
        return super().made(fields).mean(axis=0, keepdims=True)


@caught_by("options_are_declared", "postprocessor")
class UntypedOption(Celsius):
    def __init__(self, *, forecast, zero=273.15):
        super().__init__(forecast=forecast, zero=zero)


@caught_by("builds", "postprocessor")
class Fails(Celsius):
    def __init__(self, *, forecast):
        raise RuntimeError("out of luck")


@caught_by("builds", "postprocessor")
class LeavesAList(Celsius):
    @property
    def after(self):
        return [super().after]


@caught_by("keeps_times_and_origin", "postprocessor")
class DropsTheFirst(Celsius):
    @property
    def after(self):
        return dataclasses.replace(super().after, lead_times=self.before.lead_times[1:])


@caught_by("keeps_times_and_origin", "postprocessor")
class ForgetsItsOrigin(Celsius):
    @property
    def after(self):
        return dataclasses.replace(super().after, provenance={})


@caught_by("names_what_it_leaves", "postprocessor")
class KeepsUnitsOfAll(Celsius):
    @property
    def after(self):
        return dataclasses.replace(super().after, units={**self.before.units, **super().after.units})


@caught_by("names_what_it_leaves", "postprocessor")
class SaysKelvin(Celsius):
    @property
    def after(self):
        return dataclasses.replace(super().after, units=dict.fromkeys(self.names, "K"))


@caught_by("names_what_it_leaves", "postprocessor")
class LeavesNothing(Celsius):
    @property
    def after(self):
        return self.before.with_variables([])


@caught_by("gives_what_it_says", "postprocessor")
class GivesDoubles(Celsius):
    def made(self, fields):
        return fields - np.float64(self.zero)


@caught_by("gives_what_it_says", "postprocessor")
class PointsFirst(Celsius):
    def made(self, fields):
        return super().made(fields).swapaxes(0, 1)


@caught_by("gives_finite_values", "postprocessor")
class RootOfCelsius(Celsius):
    def made(self, fields):
        with np.errstate(all="ignore"):
            return np.sqrt(super().made(fields))


@caught_by("makes_nothing_of_what_is_missing", "postprocessor")
class FillsIn(Celsius):
    def made(self, fields):
        return np.nan_to_num(super().made(fields))


@caught_by("makes_nothing_of_what_is_missing", "postprocessor")
class CountsWarmMembers(Celsius):
    @property
    def after(self):
        about = (Variable(f"{name}_warm", units="1") for name in self.names)
        return self.before.with_variables(about, members=1)

    def made(self, fields):
        return (fields > self.zero).mean(axis=0, keepdims=True, dtype=np.float32)


@caught_by("leaves_states_alone", "postprocessor")
class InPlace(Celsius):
    def apply(self, state):
        fields = super().apply(state)
        state.fields[..., self.before.variables.index("msl")] /= 100.0
        return fields


@caught_by("leaves_states_alone", "postprocessor")
class WritesWhatItFinds(Celsius):
    def apply(self, state):
        fields = state.fields
        fields *= 1.0
        return super().apply(state)


@caught_by("leaves_alone_what_it_gave", "postprocessor")
class SumsInPlace(Summed):
    def made(self, fields):
        if not np.shape(self.total):
            self.total = np.zeros_like(fields)
        self.total += fields
        return self.total


@caught_by("is_the_same_every_time", "postprocessor")
class Noise(Celsius):
    def made(self, fields):
        return (super().made(fields) * random.random()).astype(np.float32)


@caught_by("keeps_forecasts_apart", "postprocessor")
class SumsForAll(Celsius):
    total = 0.0

    def __init__(self, *, forecast):
        super().__init__(forecast=forecast)
        type(self).total = 0.0

    def made(self, fields):
        total = type(self).total + fields
        type(self).total = total
        return total


@caught_by("takes_one_member", "postprocessor")
class TakesTheSecond(Mean):
    def made(self, fields):
        return fields[1:2] - np.float32(self.zero)


@caught_by("takes_any_grid", "postprocessor")
class RowsAndColumns(Celsius):
    @property
    def after(self):
        rows, columns = self.before.grid.field_shape
        grid = self.before.grid
        some = np.arange(rows * columns).reshape(rows, columns)[::2].ravel()
        return dataclasses.replace(super().after, grid=Grid(grid.latitudes[some], grid.longitudes[some]))

    def made(self, fields):
        rows, columns = self.before.grid.field_shape
        every = super().made(fields).reshape(len(fields), rows, columns, -1)[:, ::2]
        return every.reshape(len(fields), -1, every.shape[-1])


@caught_by("options_survive_a_configuration", "postprocessor")
class DefaultOfAnotherType(Celsius):
    def __init__(self, *, forecast, zero: int = 273.15):
        super().__init__(forecast=forecast, zero=zero)
