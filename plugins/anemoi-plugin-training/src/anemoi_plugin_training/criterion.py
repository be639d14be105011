"""The losses of all domains with their weights, as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.config.nearest import nearest
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Objective
from anemoi.core.interfaces.model import Fields
from anemoi.core.steps import Offset, Steps
from torch import Tensor, nn

from .interfaces.loss import Loss
from .interfaces.scaler import Axis, Scaler
from .members import trained_members

_FIELD_AXES: tuple[Axis | None, ...] = ("batch", "time", None, "grid", "variable")  # None: ensemble


class DomainCriterion(nn.Module):
    """The loss of one domain, with the product of the weights that its scalers give.

    Where the target is NaN an error has no weight, and neither the loss nor its gradient sees the NaN.

    Parameters
    ----------
    domain
        Normalised.
    steps
        When the outputs of one forecast step lie.
    loss, scalers
        Built for this domain.
    """

    fixed: Tensor

    def __init__(self, *, domain: Domain, steps: Steps, loss: Loss, scalers: Sequence[Scaler]) -> None:
        super().__init__()
        self.loss, self.steps = loss, steps
        self.may_be_missing = any(domain[name].may_be_missing for name in domain.outputs)
        self.by_step = [each for each in scalers if "time" in each.axes and "batch" not in each.axes]
        self.by_target = [each for each in scalers if "batch" in each.axes]
        once = [each for each in scalers if not {"batch", "time"} & set(each.axes)]
        fixed = prod((_as_field(each, None, steps.outputs) for each in once), start=torch.ones((1,) * 5))
        self.register_buffer("fixed", fixed, persistent=False)
        self._of_step: dict[int, Tensor] = {}

    def forward(
        self, prediction: Tensor, target: Tensor, *, step: int = 0, samples: Tensor | None = None
    ) -> Tensor:
        """Compute the loss; as :class:`anemoi.core.interfaces.Criterion`, whose weights are ``samples``."""
        weights = self._weights(target, step)
        if samples is not None:
            weights = weights * samples.view(-1, 1, 1, 1, 1)
        if self.may_be_missing:
            absent = target.isnan()
            # The prediction in place of the truth: no error, nor a gradient, even before the weight of zero.
            filling = prediction.detach()
            if target.shape[2] == 1:
                filling = filling.mean(dim=2, keepdim=True)
            target = torch.where(absent, filling, target)
            weights = weights.masked_fill(absent.any(dim=2, keepdim=True), 0.0)
        value: Tensor = self.loss(prediction, target, weights)
        return value

    def _weights(self, target: Tensor, step: int) -> Tensor:
        """Give the product of all weights, ``(batch, time, 1, grid, outputs)`` or one for a size."""
        lead_times = tuple(step * self.steps.step + offset for offset in self.steps.outputs)
        weights = self.fixed
        if self.by_step:
            if step not in self._of_step:
                self._of_step[step] = prod(
                    (_as_field(each, None, lead_times) for each in self.by_step), start=torch.ones(())
                )
            self._of_step[step] = self._of_step[step].to(target.device)
            weights = weights * self._of_step[step]
        for each in self.by_target:
            weights = weights * _as_field(each, target, lead_times)
        return weights


class Criterion(nn.Module):
    """The mean of the losses of all domains; see :class:`anemoi.core.interfaces.Criterion`.

    Parameters
    ----------
    parts
        The loss of each domain that has outputs, by name.
    weights
        How much each counts; one by default.

    Raises
    ------
    ConfigError
        If no domain has outputs, or a weight is negative or of no domain, or all are zero.
    """

    def __init__(
        self, parts: Mapping[str, DomainCriterion], *, weights: Mapping[str, float] | None = None
    ) -> None:
        super().__init__()
        if not parts:
            raise ConfigError(
                "There is nothing to train: no domain has an output.",
                fix="Leave at least one variable out of variables.forcing.",
            )
        unknown = sorted(set(weights or {}) - set(parts))
        if unknown:
            raise ConfigError(
                f"{unknown[0]} has a weight in the loss, but is no domain with outputs.",
                fix=nearest(unknown[0], parts),
            )
        chosen = {name: (weights or {}).get(name, 1.0) for name in parts}
        if not (min(chosen.values()) >= 0 and max(chosen.values()) > 0):
            listed = ", ".join(f"{name}: {weight:g}" for name, weight in chosen.items())
            raise ConfigError(
                f"The losses of domains cannot be weighted by {listed}.",
                fix="Choose 0 or more for each, and above 0 for at least one.",
            )
        self.names = tuple(parts)
        self.parts = nn.ModuleList(parts.values())
        self.shares = tuple(weight / sum(chosen.values()) for weight in chosen.values())

    def forward(
        self, predictions: Fields, targets: Fields, *, step: int = 0, weights: Tensor | None = None
    ) -> Tensor:
        """See :meth:`anemoi.core.interfaces.Criterion.__call__`."""
        values = [
            share * part(predictions[name], targets[name], step=step, samples=weights)
            for name, part, share in zip(self.names, self.parts, self.shares, strict=True)
        ]
        return torch.stack(values).sum()


def check_loss_suits(
    objective: Objective,
    loss: Spec,
    domains: Mapping[str, Domain],
    steps: Mapping[str, Steps],
    *,
    trust_code: bool = False,
) -> None:
    """Refuse a loss that needs more members than are trained, makes them the same, or gives no means.

    Parameters
    ----------
    objective
        What is trained.
    loss
        The component, as a configuration names it.
    domains
        Normalised; their statistics need not be known yet.
    steps
        When the outputs of each lie.

    Raises
    ------
    ConfigError
        If so, or a domain is not one that the loss is defined on.
    """
    members = trained_members(objective)
    for name, domain in _trained(domains, steps).items():
        built: Loss = config.build("loss", loss, trust_code=trust_code, domain=domain)
        if members < built.least_members:
            count = "one" if members == 1 else str(members)
            raise ConfigError(
                f"loss: {loss.get('name', name)} with these options needs {built.least_members} members of "
                f"each sample, and the objective trains {count}.",
                fix="Choose an objective that trains several, objective=ensemble say, or a loss that makes "
                "sense of one: loss=mae, or loss.alpha=0.95 if it has that option.",
            )
        if members > 1 and not built.scores_members:
            raise ConfigError(
                f"loss: {loss.get('name', name)} is no score over members: the {members} members of each "
                "sample that the objective trains would become the same.",
                fix="Choose one that is, loss=crps scalers.tendency.name=tendency-stdev say, or an objective "
                "that trains one: objective=rollout",
            )
        if objective.learns_mean and not built.least_at_mean:
            raise ConfigError(
                f"loss: {loss.get('name', name)} is not least at the mean, which the network of this "
                "objective has to learn: its forecasts would have another distribution than the data.",
                fix="Choose one that is: loss=mse",
            )


def _trained(domains: Mapping[str, Domain], steps: Mapping[str, Steps]) -> dict[str, Domain]:
    """The domains that have outputs."""
    return {name: domain for name, domain in domains.items() if domain.outputs and steps[name].outputs}


def build_criterion(
    loss: Spec,
    scalers: Mapping[str, Spec],
    domains: Mapping[str, Domain],
    steps: Mapping[str, Steps],
    *,
    weights: Mapping[str, float] | None = None,
    trust_code: bool = False,
) -> Criterion:
    """Build the loss and the scalers of every domain that has outputs.

    Parameters
    ----------
    loss
        The component, as a configuration names it.
    scalers
        Those whose weights are multiplied, each under a name of the user's choice.
    domains
        Normalised.
    steps
        When the outputs of each lie.
    weights
        How much the loss of each domain counts; one by default.
    trust_code
        Whether a ``_target_`` may be imported.

    Raises
    ------
    ConfigError
        If an option will not do, names a variable that no domain has, or no domain has outputs.
    PluginError
        If a component is unknown, or fails to build.
    """
    parts: dict[str, DomainCriterion] = {}
    unmatched: dict[str, list[frozenset[str]]] = {key: [] for key in scalers}
    trained = _trained(domains, steps)
    for name, domain in trained.items():
        built: dict[str, Scaler] = {
            key: config.build("scaler", spec, trust_code=trust_code, domain=domain, steps=steps[name])
            for key, spec in scalers.items()
        }
        for key, scaler in built.items():
            unmatched[key].append(scaler.unmatched)
        parts[name] = DomainCriterion(
            domain=domain,
            steps=steps[name],
            loss=config.build("loss", loss, trust_code=trust_code, domain=domain),
            scalers=list(built.values()),
        )
    outputs = {variable for domain in trained.values() for variable in domain.outputs}
    for key, found in unmatched.items():
        nowhere = sorted(frozenset.intersection(*found)) if found else []
        if nowhere:
            raise ConfigError(
                f"scalers.{key} names {', '.join(nowhere)}, which is no output of any domain.",
                fix=nearest(nowhere[0], outputs),
            )
    return Criterion(parts, weights=weights)


def _as_field(scaler: Scaler, target: Tensor | None, lead_times: tuple[Offset, ...]) -> Tensor:
    """Give the weights of a scaler as ``(batch, time, 1, grid, outputs)``, one for each axis not its own."""
    weights = scaler.weights(target, lead_times)
    for place, axis in enumerate(_FIELD_AXES):
        if axis not in scaler.axes:
            weights = weights.unsqueeze(place)
    return weights
