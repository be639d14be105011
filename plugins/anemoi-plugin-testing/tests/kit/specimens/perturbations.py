"""Perturbations: random numbers and earlier forecasts, right and wrong."""

import random

import torch
from anemoi.core.interfaces import Perturbation

from . import caught_by, right


@right("perturbation")
class Noise(Perturbation):
    """Adds random numbers to what is prognostic, within bounds."""

    def __init__(self, *, amplitude: float = 0.1):
        self.amplitude = amplitude

    def perturbed(self, analysis, member, generator):
        inputs = self.inputs(analysis)
        return self.added(analysis, inputs, lambda each: self.noise(each.shape, member, generator))

    def inputs(self, analysis):
        return analysis.at(analysis.start).of(0)

    def noise(self, shape, member, generator):
        return self.amplitude * torch.randn(shape, generator=generator)

    def added(self, analysis, inputs, noise):
        domains = analysis.model.normalised
        found = {name: self.changed(domains[name], each, noise(each)) for name, each in inputs.items()}
        return self.enforced(analysis.model, found)

    def changed(self, domain, inputs, noise):
        columns = [domain.inputs.index(each) for each in domain.prognostic]
        found = inputs.clone()
        found[..., columns] += noise[..., columns]
        return found

    def enforced(self, model, inputs):
        return model.enforce_inputs(inputs)


@right("perturbation")
class Late(Noise):
    """The forecast that began as many steps ago as the member has."""

    def starts(self, step, members):
        return tuple(-member * step for member in range(1, members))

    def perturbed(self, analysis, member, generator):
        inputs = analysis.at(analysis.start - member * analysis.step)
        for step in range(member):
            inputs.add(step, analysis.model.advance(inputs.of(step), generator))
        return inputs.of(member)


@right("perturbation")
class Pairs(Noise):
    """The second of each pair is the first with the other sign."""

    def noise(self, shape, member, generator):
        return super().noise(shape, member, generator) * (1 if member % 2 else -1)

    def perturbed(self, analysis, member, generator):
        return super().perturbed(analysis, member, analysis.numbers_of(member - (member % 2 == 0)))


@caught_by("options_are_declared", "perturbation")
class UntypedOption(Noise):
    def __init__(self, *, amplitude=0.1):
        super().__init__(amplitude=amplitude)


@caught_by("builds", "perturbation")
class Fails(Noise):
    def __init__(self):
        raise RuntimeError("out of luck")


@caught_by("says_where_it_begins", "perturbation")
class BeginsAfterTheStart(Late):
    def starts(self, step, members):
        return tuple(-each for each in super().starts(step, members))


@caught_by("says_where_it_begins", "perturbation")
class CountsSteps(Late):
    def starts(self, step, members):
        return tuple(range(-members, 0))


@caught_by("keeps_every_domain", "perturbation")
class FirstDomainAlone(Noise):
    def perturbed(self, analysis, member, generator):
        name, values = next(iter(super().perturbed(analysis, member, generator).items()))
        return {name: values}


@caught_by("gives_finite_inputs", "perturbation")
class LastStateAlone(Noise):
    def perturbed(self, analysis, member, generator):
        return {name: each[:, -1:] for name, each in super().perturbed(analysis, member, generator).items()}


@caught_by("gives_finite_inputs", "perturbation")
class DividesByMembers(Noise):
    def noise(self, shape, member, generator):
        return super().noise(shape, member, generator) / (member - 2)


@caught_by("members_differ", "perturbation")
class Copies(Noise):
    def noise(self, shape, member, generator):
        return torch.zeros(shape)


@caught_by("members_differ", "perturbation")
class PairsOfCopies(Pairs):
    def noise(self, shape, member, generator):
        return super().noise(shape, 1, generator)


@caught_by("keeps_forcings", "perturbation")
class NoiseOnEverything(Noise):
    def changed(self, domain, inputs, noise):
        columns = [domain.inputs.index("sd")]
        found = super().changed(domain, inputs, noise)
        found[..., columns] += noise[..., columns]
        return found


@caught_by("keeps_forcings", "perturbation")
class ForecastTooShort(Late):
    """Arrives a step before the start, and so with the forcings of then."""

    def perturbed(self, analysis, member, generator):
        inputs = analysis.at(analysis.start - member * analysis.step)
        return inputs.of(0)


@caught_by("keeps_bounds", "perturbation")
class OutOfBounds(Noise):
    def enforced(self, model, inputs):
        return inputs


@caught_by("asks_for_no_other_dates", "perturbation")
class SaysNoDates(Late):
    def starts(self, step, members):
        return ()


@caught_by("asks_for_no_other_dates", "perturbation")
class LooksAhead(Noise):
    def inputs(self, analysis):
        inputs = analysis.at(analysis.start)
        found = inputs.of(0)
        inputs.add(0, analysis.model.advance(found, None))
        inputs.of(1)
        return found


@caught_by("takes_chance_from_its_generator", "perturbation")
class ChanceOfTorch(Noise):
    def noise(self, shape, member, generator):
        return super().noise(shape, member, None)


@caught_by("takes_chance_from_its_generator", "perturbation")
class MovesChanceOn(Noise):
    def noise(self, shape, member, generator):
        random.random()
        return super().noise(shape, member, generator)


@caught_by("makes_members_in_any_order", "perturbation")
class OneAfterAnother(Noise):
    made = 1.0

    def noise(self, shape, member, generator):
        self.made *= 1.5
        return self.made * super().noise(shape, member, generator)


@caught_by("leaves_its_input_alone", "perturbation")
class InPlace(Noise):
    def added(self, analysis, inputs, noise):
        found = super().added(analysis, inputs, noise)
        for name, each in inputs.items():
            each.copy_(found[name])
        return inputs


@caught_by("leaves_its_input_alone", "perturbation")
class Trains(Noise):
    def inputs(self, analysis):
        analysis.model.train()
        return super().inputs(analysis)


@caught_by("leaves_its_input_alone", "perturbation")
class PerturbsTheWeights(Noise):
    def inputs(self, analysis):
        for weights in analysis.model.parameters():
            weights += 1e-3
        return super().inputs(analysis)


@caught_by("options_survive_a_configuration", "perturbation")
class DefaultOfAnotherType(Noise):
    def __init__(self, *, amplitude: int = 0.1):
        super().__init__(amplitude=amplitude)
