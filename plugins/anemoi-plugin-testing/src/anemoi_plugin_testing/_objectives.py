"""The checks of objectives: that they train a network, and forecast with it, by their generator alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from anemoi.core.config.options import options
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import DATA
from anemoi.core.interfaces.model import Fields
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model.forecast_model import ForecastModel
from anemoi.core.model.sample import Sample
from anemoi.core.steps import Steps
from anemoi.core.transforms import Chain
from anemoi.core.variable import Role
from torch import Tensor

from ._check import BrokenContractError, Check, NotApplicableError, Subject, contract, require
from ._domains import HOUR, data_domain, states, usual_chain, with_role
from ._graphs import regular_grid, spread_grid
from ._layer_runs import TOLERANCE, backward, perturbed, relative_difference
from ._options import from_configuration, options_are_declared, require_built
from ._process import state_of_the_process
from ._reference import LinearModel

POINTS = 15
BUILT = ("builds", "says_when_states_lie", "builds_on_the_domains")
TRAINS = (*BUILT, "has_a_loss_for_each_step")
FORECASTS = (*BUILT, "gives_the_outputs")


def _criterion(
    predictions: Fields, targets: Fields, *, step: int = 0, weights: Tensor | None = None
) -> Tensor:
    """The mean squared error where there is a truth, of all domains together."""
    found = []
    for name, prediction in predictions.items():
        absent = targets[name].isnan()
        error = (prediction - torch.where(absent, 0.0, targets[name])).square()
        error = torch.where(absent.expand_as(error), 0.0, error).flatten(1).mean(1)  # (batch,)
        found.append((error if weights is None else error * weights).mean())
    return torch.stack(found).sum()


def _frequencies(subject: Subject, objective: Objective) -> Mapping[str, np.timedelta64]:
    """How far apart the states are that the objective works on: six hours, one hour or a day.

    One that refuses a single domain may need a further one that an option names, such as its boundary.
    """
    found = options(subject.component, kind=subject.kind).items()
    values = {**{name: option.default for name, option in found}, **subject.options}.values()
    named = sorted({each for each in values if isinstance(each, str) and each.isidentifier()} - {DATA})
    refusals = []
    for further in ((), *((each,) for each in named)):
        for hours in (6, 1, 24):
            frequencies = dict.fromkeys((DATA, *further), hours * HOUR)
            refusal = _refusal(objective, frequencies)
            if refusal is None:
                return frequencies
            refusals.append(refusal)
    raise refusals[0]


def _refusal(objective: Objective, frequencies: Mapping[str, np.timedelta64]) -> Exception | None:
    try:
        when = objective.steps(frequencies)
    except ConfigError as error:
        return error
    # An interpolator has nothing to give where states are as far apart as those that it is given.
    without = DATA in when and not when[DATA].outputs
    return BrokenContractError("it gives no state") if without else None


def _chains(subject: Subject, objective: Objective) -> dict[str, Chain]:
    """Data that suit the objective, with transforms; a further domain has rows, and is all forcing.

    An objective that refuses prognostic variables, because it makes states without any, is given diagnostic
    ones; one that refuses points in no order, rows and columns.
    """
    frequency, *_ = (frequencies := _frequencies(subject, objective)).values()
    around = replace(data_domain(regular_grid(7, 12)), frequency=frequency)
    further = {
        name: usual_chain(with_role(around, Role.PROGNOSTIC, Role.DIAGNOSTIC, to=Role.FORCING))
        for name in frequencies
        if name != DATA
    }
    refusals = []
    for grid in (spread_grid(POINTS), regular_grid(6, 8)):
        data = replace(data_domain(grid), frequency=frequency)
        for domain in (data, with_role(data, Role.PROGNOSTIC, to=Role.DIAGNOSTIC)):
            chains = {DATA: usual_chain(domain), **further}
            try:
                objective.network_domains({name: chain.after for name, chain in chains.items()})
            except ConfigError as error:
                refusals.append(error)
            else:
                return chains
    raise refusals[0]


def _model(subject: Subject) -> ForecastModel:
    """A linear network, its weights moved a little, with transforms and the objective."""
    objective = _built(subject)
    chains = _chains(subject, objective)
    when = objective.steps({name: chain.before.frequency for name, chain in chains.items()})
    torch.manual_seed(0)
    network = LinearModel(
        domains=objective.network_domains({name: chain.after for name, chain in chains.items()}),
        graph=None,
        steps=when,
        condition_channels=objective.condition_channels,
    )
    perturbed(network)
    return ForecastModel(network=network, transforms=chains, steps=when, objective=objective)


def _sample(model: ForecastModel, *, count: int = 2, batch: int = 2) -> Sample:
    """So many steps of states, one member each; ``sst`` is missing over land."""
    fields, missing = {}, {}
    for name, domain in model.domains.items():
        times = len(model.steps[name].window(count))
        values = torch.stack(
            [torch.from_numpy(states(domain.grid, times, seed=number)[:, :1]) for number in range(batch)]
        )
        fields[name] = model.normalise(name, values, domain.names)
        absent = model.missing(name, values, domain.names)
        if absent is not None:
            missing[name] = absent
    return Sample(fields=fields, missing=missing, domains=model.normalised, steps=model.steps, count=count)


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _inputs(model: ForecastModel, *, batch: int = 2, members: int = 1) -> dict[str, Tensor]:
    fields = _sample(model, batch=batch).inputs()
    return {name: values.repeat(1, 1, members, 1, 1) for name, values in fields.items()}


def _built(subject: Subject) -> Objective:
    objective: Objective = subject.build()
    return objective


@dataclass
class _Strict:
    """A criterion that notes what is wrong with what it is given."""

    model: ForecastModel
    batch: int
    calls: int = 0
    faults: list[str] = field(default_factory=list)

    def __call__(
        self, predictions: Fields, targets: Fields, *, step: int = 0, weights: Tensor | None = None
    ) -> Tensor:
        self.calls += 1
        for what, fields in (("predictions", predictions), ("targets", targets)):
            if set(fields) != {DATA}:
                self.faults.append(f"{what} of the domains {', '.join(fields) or 'none'} instead of {DATA}")
                continue
            seen, domain = tuple(fields[DATA].shape), self.model.normalised[DATA]
            wanted = (self.batch, len(self.model.steps[DATA].outputs), len(domain.grid), len(domain.outputs))
            if len(seen) != 5 or seen[:2] + seen[3:] != wanted:
                self.faults.append(f"{what} of shape {seen}")
        if not self.faults and targets[DATA].shape[2] not in (1, predictions[DATA].shape[2]):
            self.faults.append(f"{targets[DATA].shape[2]} members of the truth")
        if weights is not None and weights.shape != (self.batch,):
            self.faults.append(f"weights of shape {tuple(weights.shape)}")
        if self.faults:
            return sum((each.nan_to_num().sum() for each in predictions.values()), torch.zeros(()))
        return _criterion(predictions, targets, step=step, weights=weights)


@contract()
def builds(subject: Subject) -> None:
    """It is built from its options alone, and conditions the network on no number or a positive one."""
    channels = require_built(subject).condition_channels
    require(isinstance(channels, int) and channels >= 0, f"`condition_channels` is {channels!r}")


@contract(after=("builds",))
def says_when_states_lie(subject: Subject) -> None:
    """Of states 6 h, 1 h or 24 h apart it takes at least one and gives at least one, all of them in the data.

    Asked about states as far apart as it chose, it says the same.
    """
    objective = _built(subject)
    frequencies = _frequencies(subject, objective)
    found = objective.steps(frequencies)
    domains = ", ".join(frequencies)
    require(
        set(found) == set(frequencies), f"it says so of {', '.join(found) or 'nothing'}, not of {domains}"
    )
    for name, when in found.items():
        require(isinstance(when, Steps), f"it gives a {type(when).__name__}")
        there = not when.interval % frequencies[name]
        require(there, f"states {when.interval} apart are not in the data")
        odd = [str(each) for each in (*when.inputs, *when.outputs, when.step) if each % when.interval]
        require(not odd, f"{', '.join(odd)} is no multiple of its interval, {when.interval}")
    intervals = {name: when.interval for name, when in found.items()}
    again = objective.steps(intervals)
    require(again == found, f"of states {intervals[DATA]} apart it says something else: {again[DATA]}")


@contract(after=("builds", "says_when_states_lie"))
def takes_several_domains(subject: Subject) -> None:
    """Of domains with states of their own it says when each lie, with one step for all, or refuses them."""
    objective = _built(subject)
    frequency = _frequencies(subject, objective)[DATA]
    frequencies = {"atmosphere": frequency, "ocean": 2 * frequency}
    try:
        found = objective.steps(frequencies)
    except ConfigError as refusal:
        raise NotApplicableError(f"it refuses them: {refusal}") from refusal
    require(set(found) == set(frequencies), f"it says so of {', '.join(found)}")
    lengths = {str(when.step) for when in found.values()}
    require(len(lengths) == 1, f"one step is {' and '.join(sorted(lengths))} long")
    for name, when in found.items():
        there = not when.interval % frequencies[name]
        require(there, f"states of {name} {when.interval} apart are not in its data")


@contract(after=("builds", "says_when_states_lie"))
def builds_on_the_domains(subject: Subject) -> None:
    """What the network takes and gives is of the same domains on the same grids, and takes the data along."""
    objective = _built(subject)
    chains = _chains(subject, objective)
    found = objective.network_domains({name: chain.after for name, chain in chains.items()})
    require(
        set(found) == set(chains), f"the domains are {', '.join(found) or 'none'}, not {', '.join(chains)}"
    )
    for name, network in found.items():
        require(isinstance(network, Domain), f"it gives a {type(network).__name__}")
        require(network.grid.matches(chains[name].after.grid), "the network has another grid")
        require(network.inputs, "the network takes nothing")
    require(found[DATA].outputs, "the network gives nothing")


@contract(after=BUILT)
def has_a_loss_for_each_step(subject: Subject) -> None:
    """Its loss is ``(steps,)``, of one step and of two, and finite where some of the truth is missing."""
    for count, batch in ((1, 1), (2, 2)):
        model = _model(subject)
        loss = model.objective.loss(model, _sample(model, count=count, batch=batch), _criterion, _generator())
        require(isinstance(loss, Tensor), f"it is a {type(loss).__name__}")
        require(loss.shape == (count,), f"it has shape {tuple(loss.shape)} for {count} steps")
        require(loss.isfinite().all(), f"it is {loss.tolist()}")


@contract(after=TRAINS)
def trains_the_network(subject: Subject) -> None:
    """Every weight of the network receives a finite gradient, and against it the loss becomes smaller."""
    model = _model(subject)
    before = model.objective.loss(model, _sample(model), _criterion, _generator()).mean()
    require(before.requires_grad, "the loss has no gradient")
    backward(before)
    gradients = {name: parameter.grad for name, parameter in model.network.named_parameters()}
    without = [name for name, gradient in gradients.items() if gradient is None]
    require(not without, f"no gradient reaches {', '.join(without)}")
    known = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    odd = [name for name, gradient in known.items() if not gradient.isfinite().all()]
    require(not odd, f"the gradients of {', '.join(odd)} are not finite")
    size = float(torch.stack([gradient.square().sum() for gradient in known.values()]).sum().sqrt())
    require(size > 0, "the gradient is zero")
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            parameter.sub_(1e-2 * known[name] / size)
        after = model.objective.loss(model, _sample(model), _criterion, _generator()).mean()
    require(
        float(after) < float(before.detach()),
        f"against its gradient the loss goes from {float(before.detach()):.6g} to {float(after):.6g}",
    )


@contract(after=TRAINS)
def gives_the_criterion_what_it_takes(subject: Subject) -> None:
    """The criterion is given the outputs of each domain, of all times and grid points, and as many truths."""
    model = _model(subject)
    criterion = _Strict(model, batch=2)
    model.objective.loss(model, _sample(model, batch=2), criterion, _generator())
    require(not criterion.faults, f"it is given {'; '.join(criterion.faults)}")
    if not criterion.calls:
        raise NotApplicableError("it does not ask the criterion")


@contract(after=BUILT)
def gives_the_outputs(subject: Subject) -> None:
    """A step gives ``(batch, time out, ensemble, grid, outputs)``, for one member and for three."""
    for batch, members in ((1, 1), (2, 3)):
        model = _model(subject)
        with torch.inference_mode():
            found = model.objective.advance(model, _inputs(model, batch=batch, members=members), _generator())
        require(isinstance(found, Mapping), f"it gives a {type(found).__name__}")
        require(set(found) == {DATA}, f"it gives the domains {', '.join(found) or 'none'}, not {DATA}")
        domain = model.normalised[DATA]
        expected = (batch, len(model.steps[DATA].outputs), members, len(domain.grid), len(domain.outputs))
        seen = tuple(found[DATA].shape)
        require(seen == expected, f"{seen} comes out instead of {expected}")
        require(found[DATA].isfinite().all(), "what comes out is not finite")


@contract(after=FORECASTS)
def keeps_bounds(subject: Subject) -> None:
    """What a step gives is within the bounds that the transforms enforce."""
    model = _model(subject)
    with torch.inference_mode():
        found = model.objective.advance(model, _inputs(model, members=3), _generator())[DATA]
        enforced = model.enforce({DATA: found})[DATA]
    names = model.normalised[DATA].outputs
    outside = [
        name
        for place, name in enumerate(names)
        if relative_difference(found[..., place], enforced[..., place]) > TOLERANCE
    ]
    require(not outside, f"{', '.join(outside)} is outside its bounds: call the model, or its `enforce`")


def _with_randomness(subject: Subject, seed: int) -> tuple[Tensor, Tensor]:
    """A loss and a forecast with one generator, and the random numbers of torch at ``seed``."""
    model = _model(subject)
    torch.manual_seed(seed)
    loss = model.objective.loss(model, _sample(model), _criterion, _generator(4))
    torch.manual_seed(seed)
    forecast = model.objective.advance(model, _inputs(model, members=2), _generator(4))[DATA]
    return loss.detach(), forecast.detach()


@contract(after=(*TRAINS, *FORECASTS))
def takes_chance_from_its_generator(subject: Subject) -> None:
    """One state of the generator gives the same bits; other random numbers are neither used nor moved on."""
    first, other = _with_randomness(subject, 1), _with_randomness(subject, 2)
    for what, one, two in zip(("loss", "forecast"), first, other, strict=True):
        require(torch.equal(one, two), f"its {what} depends on other random numbers than its generator's")
    model = _model(subject)
    sample, inputs = _sample(model), _inputs(model)
    ways: dict[str, Callable[[], object]] = {
        "loss": lambda: model.objective.loss(model, sample, _criterion, _generator()),
        "advance": lambda: model.objective.advance(model, inputs, _generator()),
    }
    for what, way in ways.items():
        before = state_of_the_process()
        way()
        after = state_of_the_process()
        moved = [name for name, value in before.items() if after[name] != value]
        require(not moved, f"`{what}` changes {', '.join(moved)}")


@contract(after=(*FORECASTS, "takes_chance_from_its_generator"))
def says_whether_members_differ(subject: Subject) -> None:
    """`stochastic` says whether members that begin with one state come apart by their generators."""
    model = _model(subject)
    with torch.inference_mode():
        one, other = (
            model.objective.advance(model, _inputs(model), _generator(seed))[DATA] for seed in (1, 2)
        )
    differ = not torch.equal(one, other)
    said = "differ" if differ else "are the same"
    require(
        model.objective.stochastic is differ,
        f"members with different generators {said}, and `stochastic` is {model.objective.stochastic!r}",
    )


@contract(after=(*TRAINS, *FORECASTS))
def leaves_its_input_alone(subject: Subject) -> None:
    """The sample, the inputs, the weights and whether the model is training are the same after as before."""
    model = _model(subject)
    for training in (True, False):
        model.train(training)
        sample, inputs = _sample(model), _inputs(model)
        held = {
            **{f"the states of the sample of {name}": each for name, each in sample.fields.items()},
            **{f"what is missing of {name}": each for name, each in sample.missing.items()},
            **{f"the inputs of {name}": each for name, each in inputs.items()},
            **{f"the weights {name}": value for name, value in model.state_dict().items()},
        }
        before = {name: value.clone() for name, value in held.items()}
        with torch.set_grad_enabled(training):
            model.objective.loss(model, sample, _criterion, _generator())
            model.objective.advance(model, inputs, _generator())
        changed = [name for name, value in held.items() if not torch.equal(value, before[name])]
        require(not changed, f"it writes to {', '.join(changed)}")
        same = model.training == training and model.network.training == training
        require(same, "it switches the model between training and forecast")


@contract(after=(*TRAINS, *FORECASTS, "takes_chance_from_its_generator"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    for one, other in zip(_with_randomness(subject, 1), _with_randomness(written, 1), strict=True):
        require(torch.equal(one, other), "with its defaults written out it gives something else")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "objective": (
        options_are_declared,
        builds,
        says_when_states_lie,
        takes_several_domains,
        builds_on_the_domains,
        has_a_loss_for_each_step,
        trains_the_network,
        gives_the_criterion_what_it_takes,
        gives_the_outputs,
        keeps_bounds,
        takes_chance_from_its_generator,
        says_whether_members_differ,
        leaves_its_input_alone,
        options_survive_a_configuration,
    )
}
