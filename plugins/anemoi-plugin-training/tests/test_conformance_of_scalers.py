"""A wrong scaler is caught by the check that names its fault, and no other; a right one by none."""

import numpy as np
import pytest
import torch
from anemoi_plugin_testing import check, checks

from anemoi_plugin_training import Scaler

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Cosine(Scaler):
    """As a third party writes one: by the cosine of latitude."""

    axes = ("grid",)

    def __init__(self, *, domain, steps, power: float = 1.0):
        self.cosine = np.cos(np.deg2rad(domain.grid.latitudes)) ** power

    def weights(self, target, lead_times):
        return torch.from_numpy(self.cosine / self.cosine.mean()).float()


class Extremes(Scaler):
    """As a third party writes one: what is rare counts more."""

    axes = ("batch", "time", "grid", "variable")

    def __init__(self, *, domain, steps, threshold: float = 1.0):
        self.threshold = threshold

    def weights(self, target, lead_times):
        return 1.0 + (target.abs() > self.threshold).any(2).float()


@caught_by("options_are_declared")
class UntypedOption(Cosine):
    def __init__(self, *, domain, steps, power=1.0):
        super().__init__(domain=domain, steps=steps, power=power)


@caught_by("builds")
class Fails(Cosine):
    def __init__(self, *, domain, steps):
        raise RuntimeError("no")


@caught_by("declares_its_axes")
class InAnotherOrder(Extremes):
    axes = ("batch", "time", "variable", "grid")


@caught_by("declares_its_axes")
class OfMembers(Extremes):
    axes = ("batch", "time", "ensemble", "grid", "variable")


@caught_by("declares_its_axes")
class MoreThanItsClass(Cosine):
    def __init__(self, *, domain, steps):
        super().__init__(domain=domain, steps=steps)
        self.axes = ("grid", "variable")


@caught_by("gives_weights_of_its_axes")
class WithAnAxisOfSizeOne(Cosine):
    axes = ("grid", "variable")

    def weights(self, target, lead_times):
        return super().weights(target, lead_times)[:, None]


@caught_by("gives_weights_of_its_axes")
class OfForcingsToo(Scaler):
    axes = ("variable",)

    def __init__(self, *, domain, steps):
        self.size = len(domain.variables)

    def weights(self, target, lead_times):
        return torch.ones(self.size)


@caught_by("gives_weights_of_its_axes")
class OfDoublePrecision(Cosine):
    def weights(self, target, lead_times):
        return super().weights(target, lead_times).double()


@caught_by("gives_weights_that_weigh")
class Negative(Cosine):
    def weights(self, target, lead_times):
        return super().weights(target, lead_times) - 1.0


@caught_by("gives_weights_that_weigh")
class OverNothing(Scaler):
    """The change of a diagnostic variable is not known."""

    axes = ("variable",)

    def __init__(self, *, domain, steps):
        self.stdevs = domain.changes.stdev[domain.columns(domain.outputs)]

    def weights(self, target, lead_times):
        return torch.from_numpy(1 / self.stdevs).float()


@caught_by("follows_the_cells")
class ByRow(Cosine):
    """Takes it for granted that rows begin in the north."""

    def __init__(self, *, domain, steps):
        super().__init__(domain=domain, steps=steps)
        self.cosine = np.linspace(1, 2, len(domain.grid))


@caught_by("follows_the_variables")
class InOrderOfVariables(Scaler):
    axes = ("variable",)

    def __init__(self, *, domain, steps):
        self.size = len(domain.outputs)

    def weights(self, target, lead_times):
        return torch.linspace(1, 2, self.size)


@caught_by("leaves_its_input_alone")
class WritesToTheTarget(Extremes):
    def weights(self, target, lead_times):
        found = super().weights(target, lead_times)
        target.nan_to_num_(0.0)
        return found


@caught_by("works_where_the_target_is")
class StaysBehind(Extremes):
    def __init__(self, *, domain, steps):
        super().__init__(domain=domain, steps=steps)
        self.cosine = torch.from_numpy(np.cos(np.deg2rad(domain.grid.latitudes))).float()

    def weights(self, target, lead_times):
        return super().weights(target, lead_times) * self.cosine[:, None]


@caught_by("works_where_the_target_is")
class ElsewhereByNumpy(Extremes):
    def weights(self, target, lead_times):
        if target.is_meta:
            return torch.ones(target[:, :, 0].shape)
        return super().weights(target, lead_times)


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(Cosine):
    def __init__(self, *, domain, steps, power: int = 1.5):
        super().__init__(domain=domain, steps=steps, power=power)


def failures(component):
    return {one.check: one.seen for one in check("scaler", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_scaler_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize(
    "component",
    [
        Cosine,
        Extremes,
        "area",
        "lead-time",
        "level",
        "nan-mask",
        "region",
        "tendency-stdev",
        "tendency-variance",
        "variable",
    ],
)
def test_a_right_scaler_is_caught_by_none(component):
    assert failures(component) == {}


def test_every_check_catches_something():
    assert {each.name for each in checks("scaler")} == {each.values[0] for each in WRONG}
