"""A checkpoint in memory: made by a training, saved, loaded, and turned into a model again."""

from __future__ import annotations

import copy
import dataclasses
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from .. import config
from ..domain import Domain
from ..errors import AnemoiError, CheckpointError
from ..graph import Graph
from ..interfaces.objective import Objective
from ..model import ForecastModel, assemble
from ..secrets import masked
from ..steps import Steps
from . import container, layout
from .bounded import Bounded
from .plugin_lock import DifferentVersionWarning, LockEntry, compare, targets


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """All that a forecast needs, and where it came from.

    Parameters
    ----------
    weights
        The model's ``state_dict()``.
    graph
        What the model is built on; None for one without a graph.
    domains
        What comes in and goes out: variables, grid, statistics of the training period, constants.
    steps
        When the states lie that one step takes and gives, for each domain.
    configuration
        The whole training configuration, resolved; plain JSON.
    overrides
        What was given on the command line of the training.
    lock
        The plugins it was trained with, as :func:`anemoi.core.checkpoint.lock` finds them.
    provenance
        As :func:`anemoi.core.provenance.provenance` makes it: the data sets of its training are its parents.
    identity
        The content hash, ``sha256:...``; None until it has been saved or loaded.
    path
        Where it was saved to or loaded from last.
    """

    weights: Mapping[str, Tensor]
    graph: Graph | None
    domains: Mapping[str, Domain]
    steps: Mapping[str, Steps]
    configuration: Mapping[str, Any]
    overrides: tuple[str, ...]
    lock: tuple[LockEntry, ...]
    provenance: Mapping[str, Any]
    identity: str | None = None
    path: Path | None = None

    @property
    def domain(self) -> Domain:
        """The domain, of a checkpoint that has one.

        Raises
        ------
        CheckpointError
            If it has several.
        """
        if len(self.domains) != 1:
            raise CheckpointError(f"The checkpoint has several domains: {', '.join(self.domains)}.")
        return next(iter(self.domains.values()))

    def as_parent(self) -> dict[str, Any]:
        """Say what it is in the provenance of what is made with it: its own, its identity and its path."""
        place = {} if self.path is None else {"path": str(self.path)}
        return {**self.provenance, "kind": "checkpoint", "identity": self.identity, **place}


def save(path: str | os.PathLike[str], checkpoint: Checkpoint) -> Checkpoint:
    """Write a checkpoint, whole or not at all, replacing what was there; the same one gives the same bytes.

    Returns
    -------
    Checkpoint
        The same, with its ``identity``.

    Raises
    ------
    CheckpointError
        If it cannot be written.
    """
    tensors = {
        **{f"{container.WEIGHTS}{name}": tensor for name, tensor in checkpoint.weights.items()},
        **layout.graph_tensors(checkpoint.graph),
        **layout.domain_tensors(checkpoint.domains),
    }
    document = {
        "domains": {
            name: layout.describe_domain(domain, checkpoint.steps[name])
            for name, domain in checkpoint.domains.items()
        },
        "graph": layout.describe_graph(checkpoint.graph),
        # Who opens data and trackers is nobody else's business, and a checkpoint is passed on.
        "configuration": masked(checkpoint.configuration),
        "overrides": masked(checkpoint.overrides),
        "lock": [dataclasses.asdict(entry) for entry in checkpoint.lock],
        "provenance": masked(checkpoint.provenance),
    }
    identity = container.write(Path(path), tensors, document)
    return dataclasses.replace(checkpoint, identity=identity, path=Path(path).absolute())


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of this format or an older one, and verify it. Nothing in it is ever executed.

    Raises
    ------
    CheckpointError
        If it is missing, foreign, of a newer format, truncated or altered.
    """
    contents = container.read(Path(path))
    document, tensors = contents.document, contents.tensors
    try:
        return Checkpoint(
            weights={
                name.removeprefix(container.WEIGHTS): layout.tensor(stored)
                for name, stored in tensors.items()
                if name.startswith(container.WEIGHTS)
            },
            graph=layout.read_graph(
                document["graph"],
                {name: layout.tensor(each) for name, each in tensors.items() if name.startswith("graph/")},
            ),
            domains={
                name: layout.read_domain(name, said, tensors) for name, said in document["domains"].items()
            },
            steps={name: layout.read_steps(said["steps"]) for name, said in document["domains"].items()},
            configuration=document["configuration"],
            overrides=tuple(document["overrides"]),
            lock=tuple(LockEntry(**entry) for entry in document["lock"]),
            provenance=document["provenance"],
            identity=contents.identity,
            path=Path(path).absolute(),
        )
    except (AnemoiError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise container.not_as_its_format(Path(path), error) from error


def build_model(
    checkpoint: Checkpoint, *, trust_code: bool = False, allow_different_versions: bool = False
) -> ForecastModel:
    """Put the model together from the plugins that are installed, with the weights of the checkpoint.

    Parameters
    ----------
    trust_code
        Whether code that the configuration names by ``_target_``, outside any plugin, may run.
    allow_different_versions
        Whether plugins of other versions than the checkpoint's will do; they are warned about.

    Raises
    ------
    CheckpointError
        If a plugin is absent or has another version, if the configuration names code that is not
        trusted, if it asks for a larger model than the file holds, or if the weights are not those of the
        model.
    """
    _check_trust(_needed(checkpoint.configuration), trust_code)
    _check_lock(checkpoint.lock, allow_different_versions)
    configuration = _pinned(checkpoint)
    with Bounded(checkpoint.weights.values()):
        objective = config.build("objective", configuration["objective"], trust_code=trust_code)
        model = assemble(
            configuration,
            domains=checkpoint.domains,
            steps=checkpoint.steps,
            graph=checkpoint.graph,
            objective=cast(Objective, objective),
            trust_code=trust_code,
        )
    _load_weights(model, checkpoint.weights)
    return model


FORECAST_SECTIONS = (
    *(f"{where}{part}" for where in ("", "domains.*.") for part in ("transforms", "forcings", "frequency")),
    "model",
    "objective",
)
"""What of a configuration a forecast needs the values of: see :meth:`Composition.recorded_except`."""


def _needed(configuration: Mapping[str, Any]) -> list[Any]:
    """The parts of a configuration that a forecast builds components of."""
    domains: Mapping[str, Mapping[str, Any]] = configuration.get("domains") or {}
    sections = (configuration, *domains.values())
    return [
        *(configuration.get(part) for part in ("model", "objective")),
        *(section.get("transforms") for section in sections),
    ]


def _check_trust(configuration: Sequence[Any], trust_code: bool) -> None:
    if not trust_code and (named := sorted(set(targets(configuration)))):
        raise CheckpointError(
            f"The checkpoint's configuration asks to run code that is not in a plugin: {', '.join(named)}.",
            fix="If you trust that code, say so: --trust-code (in Python, trust_code=True).",
        )


def _check_lock(entries: tuple[LockEntry, ...], allow_different_versions: bool) -> None:
    mismatches = compare(entry for entry in entries if entry.needed)
    accepted = {"content", "version"} if allow_different_versions else {"content"}
    refused = [mismatch for mismatch in mismatches if mismatch.severity not in accepted]
    if refused:
        fixes = list(dict.fromkeys(mismatch.fix for mismatch in refused))
        if all(mismatch.severity == "version" for mismatch in refused):
            fixes.append("or go on with what is installed: --allow-different-versions")
        messages = dict.fromkeys(mismatch.message for mismatch in refused)
        raise CheckpointError("\n".join(messages), fix="\n".join(fixes))
    for mismatch in mismatches:
        warnings.warn(mismatch.message, DifferentVersionWarning, stacklevel=3)


def _pinned(checkpoint: Checkpoint) -> dict[str, Any]:
    # Another distribution that offers the same name must neither win nor be in the way.
    configuration = copy.deepcopy(dict(checkpoint.configuration))
    for entry in checkpoint.lock:
        spec: Any = configuration
        for key in entry.role.split("."):
            spec = spec.get(key) if isinstance(spec, dict) else None
        if entry.needed and isinstance(spec, dict) and "name" in spec:
            name = str(spec["name"]).rpartition(":")[2]
            spec["name"] = f"{entry.distribution}:{name}"
    return configuration


def _load_weights(model: ForecastModel, weights: Mapping[str, Tensor]) -> None:
    """Give a model its weights; a layer may take those that an older release of it had under other names.

    It does so as any module of torch, when its ``load_state_dict`` is called.
    """
    expected = model.state_dict()
    misfits = {
        name: f"{name} has shape {tuple(weight.shape)}, the model {tuple(expected[name].shape)}"
        for name, weight in weights.items()
        if name in expected and weight.shape != expected[name].shape
    }
    fitting = {name: weight for name, weight in weights.items() if name not in misfits}
    try:
        missing, unexpected = model.load_state_dict(fitting, strict=False)
        wrong = [f"missing: {name}" for name in missing if name not in misfits]
        wrong += [f"not in the model: {name}" for name in unexpected]
        wrong += misfits.values()
    except RuntimeError as error:
        wrong = str(error).splitlines()[1:]
    if wrong:
        shown = [*wrong[:10], f"and {len(wrong) - 10} more"] if len(wrong) > 10 else wrong
        raise CheckpointError(
            "The weights of the checkpoint are not those of the model that its configuration builds here:\n  "
            + "\n  ".join(shown),
            fix="Install exactly the plugins that it was trained with: anemoi checkpoint requirements FILE",
        )
