"""The optimisers of a model, at the learning rates of a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anemoi.core import config
from anemoi.core.errors import ConfigError
from torch import nn
from torch.optim import Optimizer

from .interfaces.optimiser import Optimiser
from .interfaces.schedule import Schedule
from .low_rank import LowRank, weight_of
from .sharding import share_out_states

if TYPE_CHECKING:
    from .settings import Settings


class Descent:
    """Takes the optimisation steps of a model.

    Parameters
    ----------
    model
        Its parameters that require a gradient are trained.
    optimiser, schedule
        As the configuration names them.
    factors
        Of the learning rate, by the names of parameters; one for all others.
    low_rank
        Its changes are trained instead, if there are any.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: Optimiser,
        schedule: Schedule,
        factors: Mapping[str, float] | None = None,
        low_rank: LowRank | None = None,
    ) -> None:
        trained = trained_of(model) if low_rank is None else low_rank.parameters()
        self._trained, self._low_rank = list(trained.values()), low_rank
        self.optimisers, self.schedule, self.steps = optimiser.build(trained), schedule, 0
        self._highest = float(self.optimisers[0].param_groups[0]["lr"])
        known = factors or {}
        scaled = {each: known[weight_of(name)] for name, each in trained.items() if weight_of(name) in known}
        for each in self.optimisers:
            each.param_groups[:] = [part for group in each.param_groups for part in _split(group, scaled)]
        self._groups = [group for each in self.optimisers for group in each.param_groups]
        for group in self._groups:
            group["initial_lr"] = group["lr"]

    def trained(self) -> list[nn.Parameter]:
        """Give the numbers that are trained, with their gradients.

        Every process must ask for them at the same step.
        """
        if self._low_rank is not None:
            self._low_rank.pull_back()
        return self._trained

    def step(self, take: Callable[[Sequence[Optimizer]], object]) -> None:
        """Change the weights by their gradients.

        Parameters
        ----------
        take
            Lets the optimisers do so.
        """
        factor = self.schedule.factor(self.steps)
        for group in self._groups:
            group["lr"] = group["initial_lr"] * factor
        take(self.optimisers)
        if self._low_rank is not None:
            self._low_rank.merge()
        self.steps += 1

    @property
    def learning_rate(self) -> float:
        """That of the next step, of weights without a factor of their own."""
        return self._highest * self.schedule.factor(self.steps)

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come depend on besides the weights: a tree of numbers and tensors."""
        return {
            "steps": self.steps,
            "optimisers": [each.state_dict() for each in self.optimisers],
            "schedule": self.schedule.state(),
            "low_rank": None if self._low_rank is None else self._low_rank.state(),
        }

    def take_over(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Go on with what the optimisers of another training of the same weights know, with the options here.

        Parameters
        ----------
        states
            As its :meth:`state_dict` has them under ``optimisers``.

        Raises
        ------
        ConfigError
            If they are of other optimisers, or of other weights.
        """
        options = [[dict(group) for group in each.param_groups] for each in self.optimisers]
        try:
            for each, known in zip(self.optimisers, states, strict=True):
                each.load_state_dict(dict(known))
                share_out_states(each)
        except (KeyError, ValueError) as error:
            raise ConfigError(
                "training.start.optimiser: the optimiser of the checkpoint has other weights, or is another.",
                fix="Choose the same optimiser and freeze the same weights, or begin with a fresh one: "
                "training.start.optimiser=fresh.",
            ) from error
        for each, groups in zip(self.optimisers, options, strict=True):
            for group, before in zip(each.param_groups, groups, strict=True):
                group.update({name: value for name, value in before.items() if name != "params"})
        self._groups = [group for each in self.optimisers for group in each.param_groups]

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from the :meth:`state_dict` of another of the same model and the same options."""
        self.steps = int(state["steps"])
        for each, known in zip(self.optimisers, state["optimisers"], strict=True):
            each.load_state_dict(known)
            share_out_states(each)
        self.schedule.restore(state["schedule"])
        if self._low_rank is not None:
            self._low_rank.restore(state["low_rank"])
        self._groups = [group for each in self.optimisers for group in each.param_groups]


def trained_of(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a model that require a gradient, by name."""
    return {name: each for name, each in model.named_parameters() if each.requires_grad}


def _split(group: dict[str, Any], scaled: Mapping[nn.Parameter, float]) -> list[dict[str, Any]]:
    """Part a group of an optimiser into those of one learning rate each."""
    parts: dict[float, list[nn.Parameter]] = {}
    for each in group["params"]:
        parts.setdefault(scaled.get(each, 1.0), []).append(each)
    return [{**group, "params": params, "lr": group["lr"] * factor} for factor, params in parts.items()]


def build_optimiser(settings: Settings, *, trust_code: bool = False) -> Optimiser:
    """Build the optimiser that a configuration names.

    Raises
    ------
    ConfigError
        If its options will not do.
    PluginError
        If it is unknown, or fails to build.
    """
    given = {
        "learning_rate": settings.training.learning_rate,
        "weight_decay": settings.training.weight_decay,
    }
    found: Optimiser = config.build("optimiser", settings.of_optimiser(), trust_code=trust_code, **given)
    return found


def build_schedule(settings: Settings, *, trust_code: bool = False) -> Schedule:
    """Build the schedule that a configuration names; raises what :func:`build_optimiser` does."""
    given = {"steps": settings.training.steps, "warmup_steps": settings.training.warmup_steps}
    found: Schedule = config.build("schedule", settings.schedule, trust_code=trust_code, **given)
    return found
