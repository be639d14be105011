"""A training run: from a configuration to a checkpoint in a directory of its own."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.checkpoint import Checkpoint, inspect, lock, save
from anemoi.core.config import Composition
from anemoi.core.domain import Domain
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.graph import Graph
from anemoi.core.held import held
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import ForecastModel, assemble, model_class, transforms_of
from anemoi.core.provenance import provenance
from anemoi.core.times import format_date

from .checks import training_device
from .criterion import Criterion, build_criterion
from .descent import build_optimiser, build_schedule
from .domains import Data, check_some_output, domain_of, training_times
from .interfaces.optimiser import Optimiser
from .interfaces.schedule import Schedule
from .loop import optimise, phases
from .roles import Where
from .samples import Samples
from .settings import DATA, HIDDEN, Settings
from .statistics import Track, untracked
from .tracking import listeners

CHECKPOINT = "checkpoint.safetensors"
PRIMARY = "train"


@dataclass(frozen=True)
class Training:
    """Everything that a training needs, built and checked before its first step.

    Parameters
    ----------
    composition
        The configuration.
    settings
        The same, checked.
    data
        The domains and where they are read.
    model
        With fresh weights.
    criterion
        The training loss.
    samples
        The training period as samples, for each rollout that is trained.
    optimiser, schedule
        How gradients change the weights, and at which learning rates.
    checkpoint
        What will be saved, but for the trained weights.
    device
        Where it is computed.
    """

    composition: Composition
    settings: Settings
    data: Mapping[str, Data]
    model: ForecastModel
    criterion: Criterion
    samples: Mapping[int, Samples]
    optimiser: Optimiser
    schedule: Schedule
    checkpoint: Checkpoint
    device: torch.device

    @property
    def summary(self) -> str:
        """What will be trained on what, in a few lines."""
        spec = self.composition.values["model"]
        parts = {key: part.get("name", "(code)") for key, part in spec.items() if isinstance(part, dict)}
        named = ", ".join(f"{part} {name}" for part, name in parts.items()) or spec.get("name", "(code)")
        parameters = sum(parameter.numel() for parameter in self.model.parameters())
        graph = self.checkpoint.graph
        hidden = f", {len(graph.nodes[HIDDEN]):,} hidden nodes" if graph is not None else ""
        return "\n".join(
            [
                *(_summary(name, data) for name, data in self.data.items()),
                f"Model: {named}; {parameters:,} parameters{hidden}",
                f"Training: {self.settings.training.steps} steps on {self.device}",
            ]
        )

    def run(
        self,
        directory: Path,
        *,
        on_step: Callable[[int, float], None] = lambda step, loss: None,
    ) -> Path:
        """Train, and leave the record and the checkpoint in ``directory``, which is made if need be.

        Parameters
        ----------
        on_step
            Told of each optimisation step, counted from one, and its loss.

        Returns
        -------
        Path
            The checkpoint.
        """
        directory.mkdir(parents=True, exist_ok=True)
        name, trusted = directory.name, self.composition.trusted
        events = listeners(self.settings.trackers, directory=directory, trust_code=trusted)
        events.send("training_started", run=name, parameters=self.composition.to_dict())
        steps_per_epoch = math.ceil(len(self.samples[1]) / self.settings.training.batch_size)
        losses: list[float] = []
        status = "failed"
        try:
            for step, value in enumerate(
                optimise(
                    self.model,
                    self.criterion,
                    self.samples,
                    self.optimiser,
                    self.schedule,
                    self.settings.training,
                    self.device,
                ),
                1,
            ):
                if not math.isfinite(value):
                    raise AnemoiError(
                        f"The loss is {value} at step {step}.",
                        fix="Lower training.learning_rate, or raise training.warmup_steps.",
                    )
                events.send("training_step", run=name, step=step, metrics={"loss": value})
                losses.append(value)
                if step % steps_per_epoch == 0:
                    metrics = {"loss": sum(losses) / len(losses)}
                    events.send("training_epoch", run=name, epoch=step // steps_per_epoch, metrics=metrics)
                    losses.clear()
                on_step(step, value)
            weights = {name: weight.detach().cpu() for name, weight in self.model.state_dict().items()}
            path = directory / CHECKPOINT
            save(path, dataclasses.replace(self.checkpoint, weights=weights))
            events.send("checkpoint_saved", run=name, path=path)
            status = "finished"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        finally:
            events.send("training_finished", run=name, status=status)
        return path


def prepare(composition: Composition, *, track: Track = untracked) -> Training:
    """Build and check all that a training needs, without training.

    Parameters
    ----------
    track
        Shows how far a pass over the data has come.

    Raises
    ------
    AnemoiError
        If the configuration, the data, the graph or the model will not do; a mistake in the configuration
        with the file and the line that it was written in.
    """
    with _placed(composition):
        return _prepare(composition, track)


@contextmanager
def _placed(composition: Composition) -> Iterator[None]:
    """Add to an error that begins with a key of the configuration where that was written."""
    try:
        yield
    except ConfigError as error:
        prefix = re.match(r"(?:[\w.-]+: )+", error.what)
        place = _where(composition)(prefix[0].strip(" :").replace(": ", ".")) if prefix else ""
        if not place or place in error.what:
            raise
        raise ConfigError(f"{error.what}{place}", fix=error.fix) from error


def _prepare(composition: Composition, track: Track) -> Training:
    settings = config.validate(composition, Settings)
    values, trust = composition.values, composition.trusted
    device = training_device(settings.training.device)
    domains = settings.of_domains()
    locked = lock(values, trust_code=trust)
    sources = {
        name: held(config.build("source", own.data, trust_code=trust), own.frequency)
        for name, own in domains.items()
    }
    objective: Objective = config.build("objective", settings.objective, trust_code=trust)
    steps = objective.steps({name: source.frequency for name, source in sources.items()})
    periods = {name: training_times(source, settings.dates) for name, source in sources.items()}
    data = {}
    for name, own in domains.items():
        domain = domain_of(
            sources[name],
            periods[name],
            own,
            steps[name],
            transforms_of(values, name),
            key=f"domains.{name}.variables" if settings.domains else "variables",
            where=_where(composition),
            trust_code=trust,
            track=track,
        )
        data[name] = Data(sources[name], periods[name], domain)
    described = {name: each.domain for name, each in data.items()}
    check_some_output(described)
    samples = {
        rollout: Samples.within(data, steps, count=rollout) for rollout, _ in phases(settings.training)
    }
    graph = _graph(settings, described, trust)
    torch.manual_seed(settings.training.seed)
    model = assemble(
        values, domains=described, steps=steps, graph=graph, objective=objective, trust_code=trust
    )
    criterion = build_criterion(settings.loss, settings.scalers, model.normalised, steps, trust_code=trust)
    first = next(iter(periods.values()))
    parents: list[dict[str, Any]] = [{**source.provenance, "kind": "dataset"} for source in sources.values()]
    if graph is not None:
        parents.append({"kind": "graph", "identity": graph.identity, "configuration": values.get("graph")})
    checkpoint = Checkpoint(
        weights={},
        graph=graph,
        domains=described,
        steps=steps,
        configuration=values,
        overrides=composition.overrides,
        lock=locked,
        provenance=provenance(
            parents=parents,
            kind="checkpoint",
            training_period={"start": format_date(first[0]), "end": format_date(first[-1])},
        ),
    )
    optimiser = build_optimiser(settings, trust_code=trust)
    schedule = build_schedule(settings, trust_code=trust)
    return Training(
        composition, settings, data, model, criterion, samples, optimiser, schedule, checkpoint, device
    )


def _graph(settings: Settings, domains: Mapping[str, Domain], trust_code: bool) -> Graph | None:
    if not model_class(settings.model, trust_code=trust_code).needs_graph:
        return None
    assert settings.graph is not None  # or validating would have refused it
    builder: GraphBuilder = config.build("graph", settings.graph, trust_code=trust_code)
    return builder.build({name: domain.grid for name, domain in domains.items()})


def _where(composition: Composition) -> Where:
    def where(key: str) -> str:
        origin = composition.origin(key)
        return f" (at {origin.where})" if origin and origin.where else ""

    return where


def _summary(name: str, data: Data) -> str:
    """One domain in a line or two: its period, and what its variables are for."""
    domain = data.domain
    title = "Data" if name == DATA else name.capitalize()
    first, last = format_date(data.times[0]), format_date(data.times[-1])
    constants = [each for each in domain.forcings if domain[each].constant and not domain[each].computed]
    read = [each for each in domain.forcings if each not in domain.fixed]
    parts = {
        "forcings": ", ".join(read),
        "constants": ", ".join(constants),
        "diagnostic": ", ".join(domain.diagnostic),
    }
    roles = "".join(f"; {role}: {names}" for role, names in parts.items() if names)
    states = f" of {', '.join(domain.prognostic)}" if domain.prognostic else ""
    return f"{title}: {first} to {last}, {len(data.times)} states{states} at {len(domain.grid)} points{roles}"


def recorded(checkpoint: Path, overrides: Sequence[str] = (), *, trust_code: bool = False) -> Composition:
    """Take up the configuration that a checkpoint was trained with, so that the run can be repeated exactly.

    Parameters
    ----------
    checkpoint
        The file.
    overrides
        What to change of it.
    trust_code
        Whether code that it names by ``_target_`` may run.
    """
    document = inspect(checkpoint).document
    record = {
        "primary": PRIMARY,
        "overrides": document["overrides"],
        "values": document["configuration"],
    }
    return config.override(Composition.from_dict(record, trust_code=trust_code), overrides)


def train(*overrides: str, output: str | Path) -> Path:
    """Train a model, as ``anemoi train OVERRIDES --output DIRECTORY`` does.

    Parameters
    ----------
    overrides
        What to change of the configuration: ``"model=transformer"``, ``"training.steps=1000"``.
    output
        The directory of the run.

    Returns
    -------
    Path
        The checkpoint.
    """
    return prepare(config.compose(PRIMARY, overrides)).run(Path(output))
