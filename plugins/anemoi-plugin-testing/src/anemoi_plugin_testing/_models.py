"""The checks of models: which domains they take, what they make of roles, members and conditions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import DATA
from anemoi.core.interfaces.capability import Capability
from anemoi.core.interfaces.model import Fields
from anemoi.core.steps import Steps
from anemoi.core.variable import Role
from torch import Tensor

from ._check import Check, NotApplicableError, Subject, contract, require
from ._domains import VARIABLES, normalised_domain, steps
from ._graphs import regular_grid
from ._layer_abilities import refuses_a_wrong_condition as refuses_a_wrong_condition_as_it_is
from ._layer_numerics import (
    follows_the_seed,
    gradients_reach_all_parameters,
    is_finite_at_the_start,
    is_finite_for_large_inputs,
    keeps_batch_items_apart,
    keeps_float32,
    leaves_its_input_alone,
    moves_between_devices,
    runs_in_bfloat16,
    runs_in_float64,
)
from ._layer_runs import (
    CONDITIONS,
    MEMBERS,
    TOLERANCE,
    backward,
    build,
    build_model,
    conditioned,
    graph_for,
    grid_for,
    grids_for,
    inputs,
    perturbed,
    refusal_of,
    relative_difference,
    run,
)
from ._layers import builds, is_determined_by_its_weights, options_survive_a_configuration
from ._options import has_parts, options_are_declared
from ._whole_model import fits_a_checkpoint

RUNS = ("keeps_its_shape",)


def _fields(
    domains: Mapping[str, Domain], when: Mapping[str, Steps], *, batch: int = 2, members: int = MEMBERS
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.randn(
            (batch, len(when[name].inputs), members, len(domain.grid), len(domain.inputs)),
            generator=generator,
        )
        for name, domain in domains.items()
    }


def _outputs(
    subject: Subject, domains: Mapping[str, Domain], when: Mapping[str, Steps], **sizes: int
) -> Mapping[str, Tensor]:
    model = build_model(subject, domains, when)
    found: Mapping[str, Tensor] = model(_fields(domains, when, **sizes))
    return found


def _require_outputs(
    found: Fields,
    domains: Mapping[str, Domain],
    when: Mapping[str, Steps],
    *,
    batch: int = 2,
    members: int = MEMBERS,
) -> None:
    """Require what comes out to be of the domains that have outputs, in the shape of each."""
    wanted = {
        name: (batch, len(when[name].outputs), members, len(domain.grid), len(domain.outputs))
        for name, domain in domains.items()
        if domain.outputs and when[name].outputs
    }
    require(isinstance(found, Mapping), f"a {type(found).__name__} comes out, not a mapping from domains")
    require(
        set(found) == set(wanted),
        f"it gives the domains {', '.join(found) or 'none'} instead of {', '.join(wanted)}",
    )
    for name, shape in wanted.items():
        seen = tuple(found[name].shape)
        require(seen == shape, f"{seen} comes out for {name} instead of {shape}")
        require(found[name].isfinite().all(), f"what comes out for {name} is not finite")


@contract(after=("builds",))
def keeps_its_shape(subject: Subject) -> None:
    """It gives ``(batch, time out, ensemble, grid, outputs)`` for one item and two, one member and three."""
    domains, when = {DATA: normalised_domain(grid_for(subject))}, {DATA: steps()}
    for batch, members in ((1, 1), (2, 3)):
        found = _outputs(subject, domains, when, batch=batch, members=members)
        _require_outputs(found, domains, when, batch=batch, members=members)


@contract(after=RUNS)
def takes_any_number_of_states(subject: Subject) -> None:
    """It takes one state or several and gives one or several, also such as lie between those it takes."""
    domains = {DATA: normalised_domain(grid_for(subject))}
    for taken, given in (((0,), (6,)), ((-12, -6, 0), (6, 12)), ((0, 18), (6, 12))):
        when = {DATA: steps(taken, given)}
        _require_outputs(_outputs(subject, domains, when), domains, when)


@contract(after=RUNS)
def takes_any_roles(subject: Subject) -> None:
    """Where a domain has no forcings, no diagnostic or no prognostic variables, it runs or refuses."""
    grid = grid_for(subject)
    refusals = []
    for role in Role:
        variables = [each for each in VARIABLES if each.role is not role]
        domains, when = {DATA: normalised_domain(grid, variables)}, {DATA: steps()}
        if refusal := refusal_of(subject, domains, when):
            refusals.append(refusal)
        else:
            _require_outputs(_outputs(subject, domains, when), domains, when)
    if len(refusals) == len(Role):
        raise NotApplicableError(f"it refuses all: {refusals[0]}")


@contract(after=RUNS)
def takes_several_domains(subject: Subject) -> None:
    """Two domains, each with a grid, states and outputs of its own, come out by name, or it refuses them."""
    grid, other = grids_for(subject)
    domains = {"ocean": normalised_domain(other, VARIABLES[2:6]), "atmosphere": normalised_domain(grid)}
    when = {"ocean": steps((0,), (24,), interval=24), "atmosphere": steps((-6, 0), (6, 12, 18, 24))}
    if refusal := refusal_of(subject, domains, when):
        raise NotApplicableError(f"it refuses two domains: {refusal}")
    _require_outputs(_outputs(subject, domains, when), domains, when)


@contract(after=RUNS)
def takes_a_domain_without_outputs(subject: Subject) -> None:
    """A domain that has forcings alone, such as a boundary, comes in and not out, or it refuses it."""
    grid, other = grids_for(subject)
    forcings = [each for each in VARIABLES if each.role is Role.FORCING]
    domains = {"boundary": normalised_domain(other, forcings), DATA: normalised_domain(grid)}
    when = {"boundary": steps((0, 6), ()), DATA: steps()}
    if refusal := refusal_of(subject, domains, when):
        raise NotApplicableError(f"it refuses a second domain: {refusal}")
    _require_outputs(_outputs(subject, domains, when), domains, when)


@contract(after=RUNS)
def is_finite_at_the_poles(subject: Subject) -> None:
    """On a grid with a row of points at each pole, values and gradients are finite, or it refuses that."""
    domains, when = {DATA: normalised_domain(regular_grid())}, {DATA: steps()}
    if refusal := refusal_of(subject, domains, when):
        raise NotApplicableError(f"it refuses the grid: {refusal}")
    model = build_model(subject, domains, when)
    out = model(_fields(domains, when))[DATA]
    require(out.isfinite().all(), f"{int((~out.isfinite()).sum())} of {out.numel()} values are not finite")
    backward(out.square().mean())
    odd = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not parameter.grad.isfinite().all()
    ]
    require(not odd, f"the gradients of {', '.join(odd)} are not finite")


@contract(after=(*RUNS, "follows_the_seed"))
def keeps_members_apart(subject: Subject) -> None:
    """What one member holds has no effect on another, while training too."""
    graph = graph_for(subject)
    (given,) = inputs(subject, graph)
    changed = torch.cat([given[:, :, :1], -7.0 * given[:, :, 1:]], dim=2)
    for mode in (True, False):
        model = build(subject, graph).train(mode)
        effect = relative_difference(run(model, (changed,))[:, :, :1], run(model, (given,))[:, :, :1])
        require(effect < TOLERANCE, f"changing the others changes a member by {effect:.2g} of its size")


@contract(after=(*RUNS, "follows_the_seed"))
def depends_on_every_input(subject: Subject) -> None:
    """Each input of the last state changes an output; a prognostic variable that of another, too."""
    graph = graph_for(subject)
    (given,) = inputs(subject, graph)
    model = perturbed(build(subject, graph))
    out = run(model, (given,))
    taken = [each.name for each in VARIABLES if each.is_input]
    made = [each.name for each in VARIABLES if each.is_output]
    without = []
    for place, name in enumerate(taken):
        changed = given.clone()
        changed[0, -1, 0, :, place] += 1.0
        # A prognostic output that is its last input and a change follows that input in any case.
        others = [number for number, other in enumerate(made) if other != name]
        if relative_difference(run(model, (changed,))[..., others], out[..., others]) < 1e-6:
            without.append(name)
    require(not without, f"{', '.join(without)} changes nothing")


def _with_conditions(subject: Subject) -> Subject:
    """The same, built for conditions; one that is made of others may have none that can take them."""
    wanted = conditioned(subject)
    try:
        build(wanted, graph_for(subject))
    except ConfigError as error:
        if has_parts(subject):
            raise NotApplicableError(f"none of its parts takes a condition: {error}") from error
        raise
    return wanted


@contract(after=(*RUNS, "follows_the_seed"), needs=Capability.CONDITION)
def depends_on_its_condition(subject: Subject) -> None:
    """Each number of the condition that it is built for changes the result, smoothly."""
    wanted, graph = _with_conditions(subject), graph_for(subject)
    model, (given, condition) = perturbed(build(wanted, graph)), inputs(wanted, graph)
    condition.requires_grad_()
    out = run(model, (given, condition))
    for index in range(CONDITIONS):
        changed = condition.detach().clone()
        changed[0, 0, index] += 1.0
        require(
            relative_difference(run(model, (given, changed)), out) > 1e-6, f"number {index} changes nothing"
        )
    backward(out.square().sum())
    gradient = condition.grad
    reached = gradient is not None and bool((gradient != 0).all() and gradient.isfinite().all())
    require(reached, f"the gradient of the condition is {gradient}")


@contract(after=(*RUNS, "depends_on_its_condition"), needs=Capability.CONDITION)
def refuses_a_wrong_condition(subject: Subject) -> None:
    """A condition that it was not built for, or none where it was built for some, is a ``ConfigError``."""
    # Without the capability it is never built for a condition, so it is never given one.
    refuses_a_wrong_condition_as_it_is.function(subject)
    refuses_a_wrong_condition_as_it_is.function(_with_conditions(subject))


@contract(
    after=("depends_on_its_condition", "keeps_members_apart", "keeps_batch_items_apart"),
    needs=Capability.CONDITION,
)
def conditions_each_member_by_itself(subject: Subject) -> None:
    """A member gives the same with its condition alone as it does among others with theirs."""
    wanted, graph = _with_conditions(subject), graph_for(subject)
    model, (given, condition) = perturbed(build(wanted, graph)), inputs(wanted, graph)
    together = run(model, (given, condition))
    for item, member in ((0, 1), (1, 0), (1, MEMBERS - 1)):
        alone = given[item, None, :, member, None], condition[item, None, member, None]
        effect = relative_difference(run(model, alone), together[item, None, :, member, None])
        require(effect < TOLERANCE, f"the others change a member by {effect:.2g} of its size")


@contract(after=("builds",), unless=Capability.CONDITION)
def refuses_to_be_conditioned(subject: Subject) -> None:
    """Without the capability, to build it for a condition is a ``ConfigError``."""
    try:
        build(conditioned(subject), graph_for(subject))
    except ConfigError:
        return
    require(False, "it is built for a condition, which it does not declare that it can take")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "model": (
        options_are_declared,
        builds,
        keeps_its_shape,
        takes_any_number_of_states,
        takes_any_roles,
        takes_several_domains,
        takes_a_domain_without_outputs,
        is_finite_at_the_start,
        is_finite_at_the_poles,
        is_finite_for_large_inputs,
        keeps_float32,
        runs_in_float64,
        runs_in_bfloat16,
        moves_between_devices,
        gradients_reach_all_parameters,
        depends_on_every_input,
        follows_the_seed,
        keeps_batch_items_apart,
        keeps_members_apart,
        leaves_its_input_alone,
        is_determined_by_its_weights,
        fits_a_checkpoint,
        options_survive_a_configuration,
        refuses_to_be_conditioned,
        depends_on_its_condition,
        refuses_a_wrong_condition,
        conditions_each_member_by_itself,
    )
}
