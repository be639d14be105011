"""Objectives."""

import random
from dataclasses import replace

import numpy as np
import torch
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces.objective import Objective
from anemoi.core.objectives import Rollout
from anemoi.core.steps import Steps
from anemoi.core.variable import Role

from . import caught_by, right

right("objective")(Rollout)
HOUR = np.timedelta64(3600, "s")


class OneStep(Rollout):
    """Trains each step on states as they were, none on what was forecast."""

    def loss(self, model, sample, criterion, generator):
        losses = [
            criterion(self.advance(model, sample.inputs(step), generator), sample.targets(step), step=step)
            for step in range(sample.count)
        ]
        return self.losses(losses, sample)

    def losses(self, losses, sample):
        return torch.stack(losses)


right("objective")(OneStep)


@right("objective")
class Members(OneStep):
    """Conditions members on noise, and trains several of them."""

    stochastic = True

    def __init__(self, *, members: int = 3, channels: int = 2):
        super().__init__()
        self.members, self.channels = members, channels

    @property
    def condition_channels(self):
        return self.channels

    def loss(self, model, sample, criterion, generator):
        losses = []
        for step in range(sample.count):
            inputs = {
                name: each.expand(-1, -1, self.members, -1, -1) for name, each in sample.inputs(step).items()
            }
            losses.append(criterion(self.advance(model, inputs, generator), sample.targets(step), step=step))
        return self.losses(losses, sample)

    def advance(self, model, inputs, generator):
        batch, _, members = next(iter(inputs.values())).shape[:3]
        return model(inputs, torch.randn(batch, members, self.channels, generator=generator))


@right("objective")
class Denoises(Objective):
    """Gives the network the state that follows with noise on it, and takes one step to remove that."""

    stochastic = True

    def steps(self, frequencies):
        return Rollout(input_steps=1).steps(frequencies)

    def network_domains(self, domains):
        return {name: self.with_noised(domain) for name, domain in domains.items()}

    def with_noised(self, domain):
        noised = [replace(domain[name], name=f"noised_{name}", role=Role.FORCING) for name in domain.outputs]
        places = [*range(len(domain.names)), *domain.columns(domain.outputs)]
        return replace(
            domain,
            variables=(*domain.variables, *noised),
            statistics=domain.statistics[places],
            changes=domain.changes[places],
        )

    def loss(self, model, sample, criterion, generator):
        losses = []
        for step in range(sample.count):
            targets = sample.targets(step)
            noised = {name: self.noise(each, generator) + each.nan_to_num() for name, each in targets.items()}
            losses.append(criterion(self.denoised(model, sample.inputs(step), noised), targets, step=step))
        return torch.stack(losses)

    def advance(self, model, inputs, generator):
        noise = {
            name: self.noise(each.new_zeros(*each.shape[:1], 1, *each.shape[2:4], 5), generator)
            for name, each in inputs.items()
        }
        return self.denoised(model, inputs, noise)

    def noise(self, like, generator):
        return torch.randn(like.shape, generator=generator)

    def denoised(self, model, inputs, noised):
        return model({name: torch.cat([each, noised[name]], dim=-1) for name, each in inputs.items()})


@right("objective")
class BetweenTwoStates(OneStep):
    """Interpolates, from hourly data."""

    def steps(self, frequencies):
        return {
            name: Steps((0 * HOUR, 3 * HOUR), tuple(np.arange(each, 3 * HOUR, each)), 3 * HOUR, each)
            for name, each in frequencies.items()
        }


@right("objective")
class OnRows(Rollout):
    """Needs rows and columns."""

    def network_domains(self, domains):
        if any(each.grid.field_shape is None for each in domains.values()):
            raise ConfigError("The points of a domain have no rows and columns.")
        return domains


@right("objective")
class Around(Rollout):
    """Makes the states of one domain from those of another at the same time, which an option names."""

    def __init__(self, *, around: str = "around"):
        super().__init__()
        self.around = around

    def steps(self, frequencies):
        if self.around not in frequencies:
            raise ConfigError(f"There is no {self.around}.")
        at = {name: (each,) for name, each in frequencies.items()}
        return {
            name: Steps(at[name], () if name == self.around else at[name], each, each)
            for name, each in frequencies.items()
        }

    def network_domains(self, domains):
        if domains[self.around].outputs or any(each.prognostic for each in domains.values()):
            raise ConfigError("What is made is not given.")
        return domains

    def advance(self, model, inputs, generator):
        mean = inputs[self.around].mean(dim=(3, 4), keepdim=True)  # (batch, 1, ensemble, 1, 1)
        return model.enforce({name: each + mean for name, each in model.network(inputs).items()})


@caught_by("options_are_declared", "objective")
class UntypedOption(OneStep):
    def __init__(self, *, width=3):
        super().__init__()


@caught_by("builds", "objective")
class Fails(OneStep):
    def __init__(self):
        raise RuntimeError("out of luck")


@caught_by("builds", "objective")
class HalfACondition(OneStep):
    condition_channels = 0.5


@caught_by("says_when_states_lie", "objective")
class BetweenStates(OneStep):
    def steps(self, frequencies):
        return {
            name: replace(each, inputs=(-each.interval // 2, 0 * each.interval))
            for name, each in super().steps(frequencies).items()
        }


@caught_by("says_when_states_lie", "objective")
class GivesNothing(OneStep):
    def steps(self, frequencies):
        return {name: replace(each, outputs=()) for name, each in super().steps(frequencies).items()}


@caught_by("says_when_states_lie", "objective")
class TwiceAsFarEachTime(OneStep):
    def steps(self, frequencies):
        return super().steps({name: 2 * each for name, each in frequencies.items()})


@caught_by("takes_several_domains", "objective")
class AStepForEach(Rollout):
    def steps(self, frequencies):
        return {
            name: super(AStepForEach, self).steps({name: each})[name] for name, each in frequencies.items()
        }


@caught_by("takes_several_domains", "objective")
class FirstDomainAlone(Rollout):
    def steps(self, frequencies):
        name = next(iter(frequencies))
        return super().steps({name: frequencies[name]})


@caught_by("builds_on_the_domains", "objective")
class OtherDomains(OneStep):
    def network_domains(self, domains):
        return {f"{name}_noised": domain for name, domain in domains.items()}


@caught_by("has_a_loss_for_each_step", "objective")
class MeanOfAllSteps(OneStep):
    def losses(self, losses, sample):
        return torch.stack(losses).mean()


@caught_by("has_a_loss_for_each_step", "objective")
class CountsWhatIsMissing(OneStep):
    def loss(self, model, sample, criterion, generator):
        return torch.stack(
            [
                (self.advance(model, sample.inputs(step), generator)["data"] - sample.targets(step)["data"])
                .square()
                .mean()
                for step in range(sample.count)
            ]
        )


@caught_by("trains_the_network", "objective")
class Detached(OneStep):
    def losses(self, losses, sample):
        return torch.stack(losses).detach()


@caught_by("trains_the_network", "objective")
class Uphill(OneStep):
    def losses(self, losses, sample):
        return torch.stack([2.0 * each.detach() - each for each in losses])


@caught_by("gives_the_criterion_what_it_takes", "objective")
class TwiceTheBatch(OneStep):
    def loss(self, model, sample, criterion, generator):
        def twice(fields):
            return {name: each.repeat(2, 1, 1, 1, 1) for name, each in fields.items()}

        def doubled(predictions, targets, **more):
            return criterion(twice(predictions), twice(targets), **more)

        return super().loss(model, sample, doubled, generator)


@caught_by("gives_the_outputs", "objective")
class OneMemberAlone(OneStep):
    def advance(self, model, inputs, generator):
        return {name: each[:, :, :1] for name, each in super().advance(model, inputs, generator).items()}


@caught_by("gives_the_outputs", "objective")
class GivesPrognosticVariablesAlone(OneStep):
    def loss(self, model, sample, criterion, generator):
        losses = [
            criterion(model(sample.inputs(step)), sample.targets(step), step=step)
            for step in range(sample.count)
        ]
        return torch.stack(losses)

    def advance(self, model, inputs, generator):
        return {name: each[..., 1:] for name, each in super().advance(model, inputs, generator).items()}


@caught_by("keeps_bounds", "objective")
class BareNetwork(OneStep):
    def advance(self, model, inputs, generator):
        return model.network(inputs)


@caught_by("takes_chance_from_its_generator", "objective")
class ChanceOfTorch(OneStep):
    def advance(self, model, inputs, generator):
        return model({name: each + 0.1 * torch.randn(each.shape) for name, each in inputs.items()})


@caught_by("takes_chance_from_its_generator", "objective")
class MovesChanceOn(OneStep):
    def loss(self, model, sample, criterion, generator):
        torch.rand(1)
        return super().loss(model, sample, criterion, generator)


@caught_by("takes_chance_from_its_generator", "objective")
class ChanceOfPython(OneStep):
    def losses(self, losses, sample):
        return torch.stack(losses) + 1e-5 * random.random()


@caught_by("says_whether_members_differ", "objective")
class SaysThatMembersAreTheSame(Members):
    stochastic = False


@caught_by("says_whether_members_differ", "objective")
class SaysThatMembersDiffer(OneStep):
    stochastic = True


@caught_by("says_whether_members_differ", "objective")
class NearlyStochastic(Members):
    """The word of a configuration is no answer."""

    stochastic = "yes"


@caught_by("leaves_its_input_alone", "objective")
class NoiseInPlace(OneStep):
    def advance(self, model, inputs, generator):
        made = super().advance(model, inputs, generator)
        if not torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            for each in inputs.values():
                each.add_(torch.randn(each.shape, generator=generator))
        return made


@caught_by("leaves_its_input_alone", "objective")
class MeanInPlace(Around):
    def advance(self, model, inputs, generator):
        made = super().advance(model, inputs, generator)
        if not torch.is_inference_mode_enabled():
            inputs[self.around].add_(1.0)
        return made


@caught_by("builds_on_the_domains", "objective")
class LosesTheOther(Around):
    def network_domains(self, domains):
        found = super().network_domains(domains)
        return {name: each for name, each in found.items() if name != self.around}


@caught_by("leaves_its_input_alone", "objective")
class StopsTraining(OneStep):
    def advance(self, model, inputs, generator):
        model.eval()
        return super().advance(model, inputs, generator)


@caught_by("options_survive_a_configuration", "objective")
class DefaultOfAnotherType(OneStep):
    def __init__(self, *, width: int = 1.5):
        super().__init__()


@caught_by("says_when_states_lie", "objective")
class RefusesAll(OneStep):
    def steps(self, frequencies):
        raise ConfigError("No.")
