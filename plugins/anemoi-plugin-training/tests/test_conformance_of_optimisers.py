"""A wrong optimiser is caught by the check that names its fault, and no other; a right one by none."""

import pytest
import torch
from anemoi_plugin_testing import check, checks
from torch import optim

from anemoi_plugin_training import Optimiser

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Momentum(Optimiser):
    """As a third party writes one."""

    def __init__(self, *, learning_rate, weight_decay, betas: tuple[float, float] = (0.9, 0.95)):
        self.given = {"lr": learning_rate, "weight_decay": weight_decay, "betas": betas}

    def build(self, parameters):
        return [optim.AdamW([*parameters.values()], **self.given)]


@caught_by("options_are_declared")
class UntypedOption(Momentum):
    def __init__(self, *, learning_rate, weight_decay, eps=1e-8):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay)


@caught_by("builds")
class Fails(Momentum):
    def __init__(self, *, learning_rate, weight_decay):
        raise RuntimeError("no")


@caught_by("builds")
class OfALearningRateAlone(Momentum):
    def __init__(self, *, learning_rate):
        super().__init__(learning_rate=learning_rate, weight_decay=0.0)


@caught_by("trains_each_parameter_once")
class ForgetsVectors(Momentum):
    def build(self, parameters):
        return super().build({name: each for name, each in parameters.items() if each.ndim > 1})


@caught_by("trains_each_parameter_once")
class TrainsMatricesTwice(Momentum):
    def build(self, parameters):
        return [
            *super().build(parameters),
            *super().build({k: v for k, v in parameters.items() if v.ndim > 1}),
        ]


@caught_by("begins_with_the_learning_rate")
class SlowForVectors(Momentum):
    def build(self, parameters):
        vectors = [each for each in parameters.values() if each.ndim <= 1]
        matrices = [each for each in parameters.values() if each.ndim > 1]
        slow = {"params": vectors, "lr": 0.1 * self.given["lr"]}
        return [optim.AdamW([{"params": matrices}, slow], **self.given)]


@caught_by("makes_a_loss_smaller")
class Uphill(Momentum):
    def build(self, parameters):
        return [optim.AdamW([*parameters.values()], **self.given, maximize=True)]


@caught_by("trains_vectors_alone")
class MatricesWanted(Momentum):
    def build(self, parameters):
        matrices = [each for each in parameters.values() if each.ndim > 1]
        vectors = [each for each in parameters.values() if each.ndim <= 1]
        return [optim.AdamW(each, **self.given) for each in (matrices, vectors)]


@caught_by("follows_the_learning_rate")
class KeepsItsOwnRate(Momentum):
    def build(self, parameters):
        class Fixed(optim.AdamW):
            def step(self, closure=None):
                rates = [group["lr"] for group in self.param_groups]
                for group in self.param_groups:
                    group["lr"] = 1e-2
                super().step(closure)
                for group, rate in zip(self.param_groups, rates, strict=True):
                    group["lr"] = rate

        return [Fixed([*parameters.values()], **self.given)]


@caught_by("decays_weights")
class IgnoresDecay(Momentum):
    def __init__(self, *, learning_rate, weight_decay):
        super().__init__(learning_rate=learning_rate, weight_decay=0.0)


@caught_by("goes_on_to_the_bit")
class RemembersBesideItsState(Momentum):
    def build(self, parameters):
        class Alternating(optim.AdamW):
            taken = 0

            def step(self, closure=None):
                self.taken += 1
                for group in self.param_groups:
                    for each in group["params"]:
                        each.grad.mul_(1 + self.taken / 10)
                super().step(closure)

        return [Alternating([*parameters.values()], **self.given)]


@caught_by("repeats_to_the_bit")
class Noisy(Momentum):
    """Draws from a generator that nobody seeds."""

    generator = torch.Generator().manual_seed(0)

    def build(self, parameters):
        generator = self.generator

        class Noise(optim.AdamW):
            def step(self, closure=None):
                for group in self.param_groups:
                    for each in group["params"]:
                        each.grad += 1e-3 * torch.randn(each.shape, generator=generator)
                super().step(closure)

        return [Noise([*parameters.values()], **self.given)]


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(Momentum):
    def __init__(self, *, learning_rate, weight_decay, power: int = 0.5):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, betas=(power, 0.95))


def failures(component):
    return {one.check: one.seen for one in check("optimiser", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_optimiser_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize("component", [Momentum, "adamw", "muon", "torch"])
def test_a_right_optimiser_is_caught_by_none(component):
    assert failures(component) == {}


def test_every_check_catches_something():
    assert {each.name for each in checks("optimiser")} == {each.values[0] for each in WRONG}
