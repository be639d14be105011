"""A wrong callback is caught by the check that names its fault, and no other; a right one by none."""

import pytest
import torch
from anemoi_plugin_testing import check, checks

from anemoi_plugin_training import Callback

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Shrink(Callback):
    """As a third party writes one: weights shrink, more each time, and small ones end the training."""

    def __init__(self, *, share: float = 0.01, limit: float = 2.0):
        self.share, self.limit, self.times = share, limit, 0

    def after_step(self, moment, metrics):
        self.times += 1
        with torch.no_grad():
            for each in moment.model.parameters():
                each.mul_(1 - self.share * self.times)
            norm = sum(float(each.norm()) for each in moment.model.parameters())
        return f"weights of {norm:.3g}" if norm < self.limit else None

    def state(self):
        return {"times": self.times}

    def restore(self, state):
        self.times = state["times"]


class Averages(Callback):
    """Keeps tensors, and looks at the optimiser."""

    def __init__(self):
        self.norms, self.mean = [], None

    def before_step(self, moment):
        assert moment.optimisers[0].param_groups
        gradient = torch.cat([each.grad.flatten() for each in moment.model.parameters()])
        self.mean = gradient if self.mean is None else 0.5 * (self.mean + gradient)
        for each in moment.model.parameters():
            each.grad *= 1 / (1 + float(self.mean.norm()))

    def state(self):
        return {"mean": self.mean, "norms": self.norms}

    def restore(self, state):
        self.mean, self.norms = state["mean"], state["norms"]


class Dropout(Callback):
    """Draws."""

    def before_step(self, moment):
        for each in moment.model.parameters():
            each.grad *= torch.rand(each.shape, generator=moment.generator) > 0.1


@caught_by("options_are_declared")
class UntypedOption(Shrink):
    def __init__(self, *, share=0.01):
        super().__init__()


@caught_by("builds")
class Fails(Shrink):
    def __init__(self):
        raise RuntimeError("no")


@caught_by("runs")
class WantsMore(Shrink):
    def after_step(self, moment, metrics):
        raise KeyError("metric")


@caught_by("runs")
class SaysTrue(Shrink):
    def after_step(self, moment, metrics):
        return super().after_step(moment, metrics) is not None


@caught_by("keeps_the_parameters")
class Replaces(Shrink):
    def after_step(self, moment, metrics):
        moment.model[0].weight = torch.nn.Parameter(moment.model[0].weight.detach())


@caught_by("keeps_the_parameters")
class Spoils(Shrink):
    def before_step(self, moment):
        moment.model[0].weight.grad.fill_(torch.inf)


@caught_by("draws_from_the_generator_alone")
class DrawsElsewhere(Dropout):
    def before_step(self, moment):
        torch.rand(1)


@caught_by("repeats_to_the_bit")
class Counts(Shrink):
    """Knows of other trainings."""

    all_times = 0

    def after_step(self, moment, metrics):
        Counts.all_times += 1
        self.times = Counts.all_times % 17
        return super().after_step(moment, metrics)


@caught_by("leaves_files_in_the_directory_alone")
class LeavesFilesElsewhere(Shrink):
    def start(self, directory, record):
        record(directory / "never.png")


@caught_by("remembers_what_can_be_saved")
class RemembersAnObject(Shrink):
    def state(self):
        return {**super().state(), "self": self}


@caught_by("goes_on_to_the_bit")
class Forgets(Shrink):
    def state(self):
        return {}

    def restore(self, state):
        pass


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(Shrink):
    def __init__(self, *, times: int = 1.5):
        super().__init__(share=times / 100)


def failures(component):
    return {one.check: one.seen for one in check("callback", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_callback_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize("component", [Shrink, Averages, Dropout, "gradient-noise", "stop-below"])
def test_a_right_callback_is_caught_by_none(component):
    assert failures(component) == {}


def test_every_check_catches_something():
    assert {each.name for each in checks("callback")} == {each.values[0] for each in WRONG}
