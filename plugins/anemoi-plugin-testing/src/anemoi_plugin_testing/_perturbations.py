"""The checks of perturbations: that members begin with states of their own, by their random numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.interfaces.perturbation import Perturbation
from torch import Tensor

from ._analysis import MEMBERS, START, Trial, generator_of
from ._check import Check, Subject, contract, require
from ._domains import FREQUENCY
from ._layer_runs import TOLERANCE, relative_difference
from ._options import from_configuration, options_are_declared, require_built
from ._process import state_of_the_process

BUILT = ("builds", "says_where_it_begins")
GIVES = (*BUILT, "keeps_every_domain", "gives_finite_inputs")
NONE: Final = np.timedelta64(0, "s")

States = dict[str, Tensor]


@torch.inference_mode()
def _member(
    subject: Subject, member: int, *, trial: Trial | None = None, built: Perturbation | None = None
) -> States:
    """The inputs of one member, by a perturbation that is built for it unless one is given."""
    perturbation: Perturbation = subject.build() if built is None else built
    analysis = (trial or Trial()).analysis()
    return perturbation.perturbed(analysis, member, generator_of(0, member))


def _columns(domain: Domain, names: tuple[str, ...]) -> list[int]:
    return [domain.inputs.index(name) for name in names]


def _prognostic(states: States, trial: Trial) -> Tensor:
    """All that a member may begin with otherwise, as one vector."""
    return torch.cat(
        [
            states[name][..., _columns(domain, domain.prognostic)].flatten()
            for name, domain in trial.domains.items()
        ]
    )


def _same(one: States, other: States) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@contract()
def builds(subject: Subject) -> None:
    """It is built from its options alone."""
    require_built(subject)


@contract(after=("builds",))
def says_where_it_begins(subject: Subject) -> None:
    """The times besides the start that it takes inputs of are durations, all of them before the start."""
    perturbation: Perturbation = subject.build()
    for members in range(1, MEMBERS + 1):
        found = perturbation.starts(FREQUENCY, members)
        require(isinstance(found, tuple), f"it gives a {type(found).__name__} for {members} members")
        odd = [str(each) for each in found if not isinstance(each, np.timedelta64) or each >= NONE]
        require(not odd, f"{', '.join(odd)} is not before the start")


@contract(after=BUILT)
def keeps_every_domain(subject: Subject) -> None:
    """It gives the inputs of each domain of the model, and of no other."""
    found, domains = _member(subject, 1), Trial().domains
    require(isinstance(found, Mapping), f"it gives a {type(found).__name__}")
    require(set(found) == set(domains), f"it gives {', '.join(found) or 'nothing'}, not {', '.join(domains)}")


@contract(after=(*BUILT, "keeps_every_domain"))
def gives_finite_inputs(subject: Subject) -> None:
    """They are ``(1, time in, 1, grid, inputs)``, of the type of the unperturbed ones, and finite."""
    control = Trial().control()
    for member in range(1, MEMBERS):
        for name, found in _member(subject, member).items():
            require(isinstance(found, Tensor), f"it gives a {type(found).__name__}")
            seen, wanted = tuple(found.shape), tuple(control[name].shape)
            require(seen == wanted, f"{seen} comes out for {name} instead of {wanted}")
            require(found.dtype == control[name].dtype, f"it gives {found.dtype} for {name}")
            require(found.isfinite().all(), f"of member {member} {name} is not finite")


@contract(after=(*GIVES, "takes_chance_from_its_generator"))
def members_differ(subject: Subject) -> None:
    """Each member begins with another state than the control and than any other member."""
    trial = Trial()
    found = [trial.control(), *(_member(subject, member) for member in range(1, MEMBERS))]
    states = [_prognostic(each, trial) for each in found]
    for one in range(len(states)):
        for other in range(one):
            which = f"member {other}" if other else "the control"
            require(not torch.equal(states[one], states[other]), f"member {one} begins as {which} does")


@contract(after=GIVES)
def keeps_forcings(subject: Subject) -> None:
    """Constants and forcings are those of the unperturbed state, at its time."""
    trial = Trial()
    control, found = trial.control(), _member(subject, MEMBERS - 1)
    for name, domain in trial.domains.items():
        for forcing in domain.forcings:
            column = domain.inputs.index(forcing)
            same = torch.equal(found[name][..., column], control[name][..., column])
            require(same, f"it changes {forcing} of {name}")


@contract(after=GIVES)
def keeps_bounds(subject: Subject) -> None:
    """Values are within the bounds that the transforms enforce, and filled in where they are missing."""
    trial = Trial()
    for member in range(1, MEMBERS):
        found = _member(subject, member)
        enforced = trial.model.enforce_inputs(found)
        for name, domain in trial.domains.items():
            for variable in domain.prognostic:
                one, other = (each[name][..., domain.inputs.index(variable)] for each in (found, enforced))
                close = relative_difference(one, other) <= TOLERANCE
                require(
                    close, f"{variable} of {name} is out of bounds or not filled in: `model.enforce_inputs`"
                )


@contract(after=GIVES)
def asks_for_no_other_dates(subject: Subject) -> None:
    """It takes inputs of the start and of the times that it says, and forecasts no further than the start.

    Whether a source holds these is checked before anything is computed.
    """
    for members in range(2, MEMBERS + 1):
        perturbation: Perturbation = subject.build()
        said = {START + offset for offset in perturbation.starts(FREQUENCY, members)} | {START}
        trial = Trial()
        _member(subject, members - 1, trial=trial, built=perturbation)
        unsaid = sorted({str(date) for date, _ in trial.asked if date not in said})
        require(
            not unsaid, f"of {members} members it takes inputs from {', '.join(unsaid)}: name it in `starts`"
        )
        late = [str(time) for _, time in trial.asked if time > START]
        require(not late, f"it forecasts to {', '.join(late)}, after the start")


@contract(after=GIVES)
def takes_chance_from_its_generator(subject: Subject) -> None:
    """One state of the generator gives the same bits; other random numbers are neither used nor moved on."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        trial = Trial()
        torch.manual_seed(seed)
        found.append(_member(subject, 1, trial=trial))
    require(_same(*found), "it depends on other random numbers than its generator's")
    trial = Trial()
    before = state_of_the_process()
    _member(subject, 1, trial=trial)
    after = state_of_the_process()
    moved = [name for name, value in before.items() if after[name] != value]
    require(not moved, f"it changes {', '.join(moved)}")


@contract(after=(*GIVES, "takes_chance_from_its_generator"))
def makes_members_in_any_order(subject: Subject) -> None:
    """A member is the same to the bit whichever others were made before, by the same object or another."""
    alone = [_member(subject, member) for member in range(1, MEMBERS)]
    built: Perturbation = subject.build()
    for member in (3, 1, 2, 1):
        same = _same(_member(subject, member, built=built), alone[member - 1])
        require(same, f"member {member} is another one after others")


@contract(after=GIVES)
def leaves_its_input_alone(subject: Subject) -> None:
    """The inputs that it is given, the weights and whether the model is training are the same afterwards."""
    trial = Trial()
    weights = {name: value.clone() for name, value in trial.model.state_dict().items()}
    _member(subject, 1, trial=trial)
    require(all(torch.equal(*pair) for pair in trial.given), "it writes to the inputs that it is given")
    changed = [
        name for name, value in trial.model.state_dict().items() if not torch.equal(value, weights[name])
    ]
    require(not changed, f"it writes to the weights {', '.join(changed)}")
    training = [name or "model" for name, part in trial.model.named_modules() if part.training]
    require(not training, f"it switches the {', '.join(training)} to training")


@contract(after=(*GIVES, "takes_chance_from_its_generator"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    same = _same(_member(subject, 2), _member(written, 2))
    require(same, "with its defaults written out it gives something else")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "perturbation": (
        options_are_declared,
        builds,
        says_where_it_begins,
        keeps_every_domain,
        gives_finite_inputs,
        members_differ,
        keeps_forcings,
        keeps_bounds,
        asks_for_no_other_dates,
        takes_chance_from_its_generator,
        makes_members_in_any_order,
        leaves_its_input_alone,
        options_survive_a_configuration,
    )
}
