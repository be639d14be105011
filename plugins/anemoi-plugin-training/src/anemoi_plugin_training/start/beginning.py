"""From the weights of a checkpoint to those that a training begins with, and nothing of that in silence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import torch
from anemoi.core.checkpoint import Checkpoint, build_model
from anemoi.core.config.nearest import nearest
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from anemoi.core.model import ForecastModel
from torch import Tensor

from ..patterns import shown
from ..settings import StartSettings
from .correspondence import Match, match
from .tracing import Label, Labels, trace

KEY = "training.start"
_LISTED = 20

_CPU = torch.device("cpu")

_Axes = Sequence[Labels | None]
"""The labels along each axis of a weight."""


@dataclass(frozen=True)
class Beginning:
    """What a training has taken from a checkpoint.

    Parameters
    ----------
    taken
        How many weights were taken, whole or in part.
    new, dropped, padded
        The weights and variables that begin fresh, were left behind, and were filled up.
    """

    taken: int
    new: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    padded: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all weights were taken as they were."""
        return not (self.new or self.dropped or self.padded)

    def __str__(self) -> str:
        parts = {"new": self.new, "dropped": self.dropped, "padded": self.padded}
        said = "".join(f"; {how}: {_listed(names)}" for how, names in parts.items() if names)
        return f"{self.taken} weights taken{said}"


@dataclass
class _Differences:
    """Whatever does not fit, and has to be chosen, each with what it is."""

    fresh: dict[str, str] = field(default_factory=dict)
    """Here alone: ``new``; of variables, ``pad`` too."""
    left: dict[str, str] = field(default_factory=dict)
    """In the checkpoint alone: ``drop``."""
    reshaped: dict[str, str] = field(default_factory=dict)
    """In both, and different: ``new`` or ``pad``."""
    variables: set[str] = field(default_factory=set)
    """Those of ``fresh`` that are variables."""


def begin(
    model: ForecastModel,
    graph: Graph | None,
    checkpoint: Checkpoint,
    settings: StartSettings,
    *,
    device: torch.device = _CPU,
    trust_code: bool = False,
) -> Beginning:
    """Give a model with fresh weights those of a checkpoint, as far as they fit.

    Weights are brought together by name and, where the variables of the two differ, by variable: see
    :func:`.trace`.

    Parameters
    ----------
    model
        Changed in place.
    graph
        That it is built on.
    checkpoint
        The other model.
    settings
        What becomes of whatever does not fit.
    device
        Where both models are followed, if their variables differ.
    trust_code
        Whether code that the checkpoint names by ``_target_`` may run, if its model has to be built.

    Raises
    ------
    ConfigError
        If something does not fit and its fate is not chosen, or something is chosen that fits.
    """
    fresh = {name: each.detach().clone() for name, each in model.state_dict().items()}
    differences, axes = _compared(fresh, model, graph, checkpoint, device, trust_code)
    new, dropped, padded = _chosen(differences, settings)
    taken = 0
    for name, matches in axes.items():
        if matches is None or shown(name) in new:
            continue
        for axis, each in enumerate(matches):
            for index, label in each.new.items():
                if _variable(label, model.domains) in padded:
                    fresh[name].select(axis, index).zero_()
        _copy(fresh[name], checkpoint.weights[name], matches)
        taken += 1
    model.load_state_dict(fresh)
    return Beginning(taken, tuple(new), tuple(dropped), tuple(padded))


def _compared(
    fresh: Mapping[str, Tensor],
    model: ForecastModel,
    graph: Graph | None,
    checkpoint: Checkpoint,
    device: torch.device,
    trust_code: bool,
) -> tuple[_Differences, dict[str, list[Match] | None]]:
    """Find what does not fit, and for every weight of both which of its numbers are the same.

    A weight of another shape has its first numbers along each axis in common; None for one of another
    number of axes.
    """
    given, differences = checkpoint.weights, _Differences()
    labels, others = _labels(model, checkpoint, device, trust_code)
    moved = _moved(graph, checkpoint.graph)
    found: dict[str, list[Match] | None] = {}
    for name, weight in fresh.items():
        if name not in given:
            differences.fresh[shown(name)] = f"new here, {_size(weight)}"
            continue
        found[name] = _matches(weight, labels.get(name), given[name], others.get(name))
        placed = moved.intersection(weight.shape)
        if placed or found[name] is None:
            why = f"of {min(placed)} nodes that lie elsewhere" if placed else f"there {_size(given[name])}"
            differences.reshaped[shown(name)] = f"here {_size(weight)}, {why}"
            found[name] = _first_numbers(weight, given[name])
            continue
        for each in found[name] or ():
            for label in each.new.values():
                variable = _variable(label, model.domains)
                differences.fresh[variable] = f"a variable new here, as {label.way}"
                differences.variables.add(variable)
            for label in each.dropped:
                differences.left[_variable(label, model.domains)] = (
                    f"a variable of the checkpoint, as {label.way}"
                )
    for name in given.keys() - fresh.keys():
        differences.left[shown(name)] = f"of the checkpoint alone, {_size(given[name])}"
    return differences, found


def _variable(label: Label, domains: Mapping[str, Domain]) -> str:
    return f"{label.domain}.{label.variable}" if len(domains) > 1 else label.variable


def _copy(into: Tensor, of: Tensor, axes: Sequence[Match]) -> None:
    if into.shape == of.shape and all(
        each.here == each.there == list(range(len(each.here))) for each in axes
    ):
        into.copy_(of)
        return
    here = torch.meshgrid(*(torch.tensor(each.here, dtype=torch.long) for each in axes), indexing="ij")
    there = torch.meshgrid(*(torch.tensor(each.there, dtype=torch.long) for each in axes), indexing="ij")
    into[here] = of[there].to(into.dtype)


def _labels(
    model: ForecastModel, checkpoint: Checkpoint, device: torch.device, trust_code: bool
) -> tuple[Mapping[str, _Axes], Mapping[str, _Axes]]:
    """Which variables the weights of both models see; nothing if all variables are the same."""
    if _described(model.domains) == _described(checkpoint.domains) and model.steps == dict(checkpoint.steps):
        return {}, {}
    before = next(model.parameters()).device
    labels = trace(model.to(device))
    model.to(before)
    other = build_model(checkpoint, trust_code=trust_code, allow_different_versions=True)
    return labels, trace(other.to(device))


def _described(domains: Mapping[str, Domain]) -> dict[str, list[tuple[str, object, bool, bool]]]:
    """What of the variables decides which number of a weight sees which, and in which order."""
    return {
        name: [(each.name, each.role, each.constant, each.computed) for each in domain.variables]
        for name, domain in domains.items()
    }


def _moved(graph: Graph | None, other: Graph | None) -> set[int]:
    """The numbers of nodes of which a model may learn something for each, and which lie elsewhere now."""
    if graph is None or other is None:
        return set()
    return {
        len(nodes)
        for name, nodes in graph.nodes.items()
        if name not in other.nodes
        or len(other.nodes[name]) != len(nodes)
        or not torch.allclose(nodes.positions, other.nodes[name].positions, atol=1e-4)
    }


def _matches(
    fresh: Tensor,
    labels: Sequence[Labels | None] | None,
    given: Tensor,
    others: Sequence[Labels | None] | None,
) -> list[Match] | None:
    if fresh.ndim != given.ndim:
        return None
    none = (None,) * fresh.ndim
    found = [
        match(size, mine, other_size, theirs)
        for size, mine, other_size, theirs in zip(
            fresh.shape, labels or none, given.shape, others or none, strict=True
        )
    ]
    whole = [each for each in found if each is not None]
    return whole if len(whole) == len(found) else None


def _first_numbers(weight: Tensor, other: Tensor) -> list[Match] | None:
    if weight.ndim != other.ndim:
        return None
    shared = [list(range(min(sizes))) for sizes in zip(weight.shape, other.shape, strict=True)]
    return [Match(each, each, {}, []) for each in shared]


def _chosen(
    differences: _Differences, settings: StartSettings
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """What becomes of everything that does not fit: what begins fresh, is dropped, is padded."""
    paddable = {
        **{name: said for name, said in differences.fresh.items() if name in differences.variables},
        **differences.reshaped,
    }
    new = _fitting(settings.new, {**differences.fresh, **differences.reshaped}, "new")
    dropped = _fitting(settings.drop, differences.left, "drop")
    padded = _fitting(settings.pad, paddable, "pad")
    if twice := sorted(new.keys() & padded.keys()):
        raise ConfigError(f"{KEY}: {twice[0]} is both in new and in pad.", fix="Choose one.")
    fresh_left = {
        name: f"{said} ({'new or pad' if name in paddable else 'new'})"
        for name, said in {**differences.fresh, **differences.reshaped}.items()
        if name not in new and name not in padded
    }
    left = {name: f"{said} (drop)" for name, said in differences.left.items() if name not in dropped}
    if open_ := [f"  {name}: {said}" for name, said in [*fresh_left.items(), *left.items()]]:
        more = f"\n  and {len(open_) - _LISTED} more" if len(open_) > _LISTED else ""
        listed = "\n".join(open_[:_LISTED])
        raise ConfigError(
            f"{KEY}: not all of the checkpoint fits this model:\n{listed}{more}",
            fix=f"Choose what becomes of each, by name or pattern: {KEY}.new=[...] begins it with fresh "
            f"weights, {KEY}.pad=[...] fills it up, {KEY}.drop=[...] leaves it behind.",
        )
    return new, dropped, padded


def _fitting(patterns: Collection[str], names: Mapping[str, str], which: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in patterns:
        fitting = {name: said for name, said in names.items() if fnmatchcase(name, pattern)}
        if not fitting:
            raise ConfigError(
                f"{KEY}.{which}: {pattern!r} fits nothing that could be chosen there.",
                fix=nearest(pattern, names) if names else f"Remove {KEY}.{which}: all of that kind fits.",
            )
        found |= fitting
    return found


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
