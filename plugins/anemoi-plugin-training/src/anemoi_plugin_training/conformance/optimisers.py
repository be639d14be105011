"""The checks of optimisers."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import torch
from anemoi.core.errors import ConfigError
from anemoi_plugin_testing import (
    Check,
    NotApplicableError,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)
from torch import Tensor, nn
from torch.optim import Optimizer

from ..interfaces.optimiser import Optimiser

LEARNING_RATE: Final = 1e-2
GIVEN: Final = {"learning_rate": LEARNING_RATE, "weight_decay": 0.0}
RUNS: Final = ("trains_each_parameter_once",)
STEPS: Final = ("makes_a_loss_smaller",)


def _build(subject: Subject, **given: Any) -> Optimiser:
    optimiser: Optimiser = subject.build(**{**GIVEN, **given})
    return optimiser


def _network() -> nn.Sequential:
    """An embedding of a few features, a layer between latent states, a norm, one output."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.LayerNorm(32), nn.Linear(32, 1)
        )


def _optimisers(subject: Subject, network: nn.Module, **given: Any) -> list[Optimizer]:
    return _build(subject, **given).build(dict(network.named_parameters()))


def _loss(network: nn.Module) -> Tensor:
    """That of a smooth function of three numbers."""
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
    wanted = torch.sin(x.sum(dim=1, keepdim=True))
    error: Tensor = (network(x) - wanted).square().mean()
    return error


def _train(network: nn.Module, optimisers: list[Optimizer], steps: int) -> None:
    for _ in range(steps):
        network.zero_grad(set_to_none=True)
        _loss(network).backward()  # type: ignore[no-untyped-call]
        for each in optimisers:
            each.step()


def _weights(network: nn.Module) -> Tensor:
    return torch.cat([each.detach().flatten() for each in network.parameters()])


@contract()
def builds(subject: Subject) -> None:
    """It is built from learning rate and weight decay, by name, and its own options."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def trains_each_parameter_once(subject: Subject) -> None:
    """Each parameter that it is given is in exactly one group of one optimiser, and no other is."""
    network = _network()
    names = {id(each): name for name, each in network.named_parameters()}
    found = [
        names.get(id(parameter), "a parameter that it was not given")
        for each in _optimisers(subject, network)
        for group in each.param_groups
        for parameter in group["params"]
    ]
    missing, twice = set(names.values()) - set(found), {each for each in found if found.count(each) > 1}
    require(not missing, f"{', '.join(sorted(missing))} is in none")
    require(not twice, f"{', '.join(sorted(twice))} is in several")
    require(set(found) == set(names.values()), "it trains a parameter that it was not given")


@contract(after=RUNS)
def begins_with_the_learning_rate(subject: Subject) -> None:
    """Each group has the learning rate that was given, so that a schedule governs all."""
    found = {float(group["lr"]) for each in _optimisers(subject, _network()) for group in each.param_groups}
    require(found == {LEARNING_RATE}, f"for {LEARNING_RATE} they have {', '.join(map(str, sorted(found)))}")


@contract(after=RUNS)
def makes_a_loss_smaller(subject: Subject) -> None:
    """Some tens of steps halve the error of a small network."""
    network = _network()
    before = float(_loss(network).detach())
    _train(network, _optimisers(subject, network), 60)
    after = float(_loss(network).detach())
    require(after < 0.5 * before, f"it is {before:.3g} before and {after:.3g} after")


@contract(after=(*RUNS, *STEPS))
def trains_vectors_alone(subject: Subject) -> None:
    """It trains a model that has no matrices, such as one whose matrices are frozen."""
    network = _network()
    vectors = {name: each for name, each in network.named_parameters() if each.ndim == 1}
    before = _weights(network)
    _train(network, _build(subject).build(vectors), 3)
    require(not torch.equal(before, _weights(network)), "nothing changes")


@contract(after=(*RUNS, *STEPS, "begins_with_the_learning_rate"))
def follows_the_learning_rate(subject: Subject) -> None:
    """With a learning rate of zero nothing changes, and with a smaller one steps are smaller."""
    start, moved = _weights(_network()), {}
    for rate in (0.0, 0.1 * LEARNING_RATE, LEARNING_RATE):
        network = _network()
        optimisers = _optimisers(subject, network)
        for group in (group for each in optimisers for group in each.param_groups):
            group["lr"] = rate
        _train(network, optimisers, 3)
        moved[rate] = float((_weights(network) - start).norm())
    none, little, much = moved.values()
    require(none == 0, "weights change with a learning rate of zero")
    require(little < 0.5 * much, f"with a tenth of the rate they move {little:.3g}, not {much:.3g}")


@contract(after=(*RUNS, *STEPS))
def decays_weights(subject: Subject) -> None:
    """Weight decay makes matrices smaller; one that has none refuses it."""
    sizes = []
    for decay in (0.0, 1.0):
        network = _network()
        try:
            optimisers = _optimisers(subject, network, weight_decay=decay)
        except ConfigError as error:
            raise NotApplicableError(f"it has no weight decay: {error.what}") from error
        _train(network, optimisers, 20)
        sizes.append(sum(float(each.detach().norm()) for each in network.parameters() if each.ndim > 1))
    require(sizes[1] < sizes[0], f"their norm is {sizes[0]:.4g} without, {sizes[1]:.4g} with")


@contract(after=(*RUNS, *STEPS))
def repeats_to_the_bit(subject: Subject) -> None:
    """The same steps give the same weights."""
    one, other = _network(), _network()
    for each in (one, other):
        _train(each, _optimisers(subject, each), 3)
    require(torch.equal(_weights(one), _weights(other)), "two trainings of the same steps differ")


@contract(after=(*RUNS, *STEPS, "repeats_to_the_bit"))
def goes_on_to_the_bit(subject: Subject) -> None:
    """After its state is saved and loaded into a new one, training goes on with the same numbers."""
    whole = _network()
    optimisers = _optimisers(subject, whole)
    _train(whole, optimisers, 3)
    saved = [deepcopy(each.state_dict()) for each in optimisers]
    again = _network()
    again.load_state_dict(whole.state_dict())
    fresh = _optimisers(subject, again)
    require(len(fresh) == len(saved), f"it makes {len(saved)} optimisers, then {len(fresh)}")
    for one, state in zip(fresh, saved, strict=True):
        one.load_state_dict(state)
    _train(whole, optimisers, 3)
    _train(again, fresh, 3)
    require(torch.equal(_weights(whole), _weights(again)), "it goes on with other numbers")


@contract(after=(*RUNS, *STEPS, "repeats_to_the_bit"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    found = []
    for each in (subject, replace(subject, options=from_configuration(subject))):
        network = _network()
        _train(network, _optimisers(each, network), 3)
        found.append(_weights(network))
    require(torch.equal(*found), "weights differ with its defaults written out")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    trains_each_parameter_once,
    begins_with_the_learning_rate,
    makes_a_loss_smaller,
    trains_vectors_alone,
    follows_the_learning_rate,
    decays_weights,
    repeats_to_the_bit,
    goes_on_to_the_bit,
    options_survive_a_configuration,
)
