"""A training run: from a configuration to a checkpoint in a directory of its own."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.checkpoint import Checkpoint, inspect, lock
from anemoi.core.config import Composition
from anemoi.core.config.composition import leaves
from anemoi.core.domain import Domain
from anemoi.core.errors import AnemoiError, ConfigError, DataError
from anemoi.core.files import write_whole
from anemoi.core.graph import Graph
from anemoi.core.held import held
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import ForecastModel, assemble, model_class, transforms_of
from anemoi.core.plugins import Broadcast
from anemoi.core.provenance import provenance
from anemoi.core.steps import Steps
from anemoi.core.times import format_date

from .checks import training_device
from .criterion import Criterion, build_criterion
from .descent import Descent, build_optimiser, build_schedule
from .domains import Data, check_some_output, domain_of, training_times, validation_times
from .engine import Engine, find_engine
from .exclusive import exclusive
from .execution import Execution
from .interfaces.optimiser import Optimiser
from .interfaces.schedule import Schedule
from .leaving import Leaving, parse_time_limit
from .loop import Optimisation, phases
from .roles import Where
from .runs.record import RUN
from .samples import Samples
from .saving import CHECKPOINT, Checkpoints
from .settings import DATA, HIDDEN, Settings, TrainingSettings
from .statistics import Track, untracked
from .tracking import listeners
from .validation import Validation

CONFIGURATION = "configuration.json"
PRIMARY = "train"

_MAY_CHANGE = (
    "trackers",
    "training.checkpoint",
    "training.device",
    "training.time_limit",
    "training.workers",
)
"""What of a configuration may differ when a run goes on: nothing that its numbers depend on."""


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
    engine
        Where it computes.
    validation
        The validation period as samples; None without one.
    began
        When its preparation began, by :func:`time.monotonic`: what the time limit counts from.
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
    engine: Engine
    validation: Samples | None
    began: float

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
                f"Training: {self.settings.training.steps} steps on {self.engine.device}",
            ]
        )

    def run(
        self,
        directory: Path,
        *,
        resume: bool = False,
        on_step: Callable[[int, float], None] = lambda step, loss: None,
    ) -> Path:
        """Train, and leave the record and the checkpoint in ``directory``, which is made if need be.

        Parameters
        ----------
        resume
            Whether to go on with the run that is there, from its newest state, or from the beginning if none
            was saved.
        on_step
            Told of each optimisation step, counted from one, and its loss.

        Returns
        -------
        Path
            The checkpoint.

        Raises
        ------
        InterruptedTraining
            If a signal came or the time limit was reached; the state is saved.
        AnemoiError
            If the directory has another run, the loss is not finite, a sample cannot be read, or a checkpoint
            cannot be saved.
        """
        main, settings = self.engine.rank == 0, self.settings.training
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AnemoiError(
                f"The directory {directory} cannot be made: {error.strerror or error}.",
                fix="Choose another with --output.",
            ) from error
        trackers = self.settings.trackers
        limit = None if settings.time_limit is None else parse_time_limit(settings.time_limit)
        with exclusive(directory) if main else nullcontext(), Leaving(limit, began=self.began) as leaving:
            parameters = self.composition.to_dict()
            if main:
                _check_directory(directory, resume=resume)
                write_whole(directory / CONFIGURATION, (json.dumps(parameters, indent=2) + "\n").encode())
            execution = Execution(
                directory=directory,
                optimisation=Optimisation(
                    self.model,
                    self.criterion,
                    self.samples,
                    Descent(self.model, self.optimiser, self.schedule),
                    settings,
                    self.engine,
                ),
                validation=self._validation(),
                checkpoints=Checkpoints(
                    directory, self.checkpoint, keep=settings.checkpoint.keep, writes=main
                ),
                events=listeners(trackers, directory=directory, trust_code=self.composition.trusted)
                if main
                else Broadcast({}),
                leaving=leaving,
                steps=settings.steps,
                steps_per_epoch=math.ceil(len(self.samples[1]) / _together(settings, self.engine)),
                saving=settings.checkpoint,
                validating=settings.validation,
                origin=_origin(self.data, self.samples),
                engine=self.engine,
            )
            if resume:
                execution.restore()
            return execution.run(parameters, on_step)

    def _validation(self) -> Validation | None:
        if self.validation is None:
            return None
        settings = self.settings.training
        return Validation(
            self.model,
            self.criterion,
            self.validation,
            dates=settings.validation.dates,
            batch_size=settings.batch_size,
            seed=settings.seed,
            engine=self.engine,
        )


def _check_directory(directory: Path, *, resume: bool) -> None:
    """Refuse a directory that has a run already, or one to go on with that has none, or a finished one."""
    if not resume:
        if any((directory / name).exists() for name in (CONFIGURATION, RUN, CHECKPOINT)):
            raise AnemoiError(
                f"There is a run in {directory} already.",
                fix=f"Choose another directory, or go on with it: anemoi train --resume {directory}",
            )
        return
    if (directory / CHECKPOINT).exists():
        raise AnemoiError(
            f"The run in {directory} has finished: there is {directory / CHECKPOINT}.",
            fix="To begin another with its configuration: "
            f"anemoi train --config-from {directory / CHECKPOINT}",
        )
    if not (directory / CONFIGURATION).exists():
        raise AnemoiError(
            f"There is no run in {directory} to go on with: it has no {CONFIGURATION}.",
            fix="Give the directory of a run that `anemoi train` began.",
        )


def _origin(data: Mapping[str, Data], samples: Mapping[int, Samples]) -> dict[str, Any]:
    """What identifies the data of a training: what they say of themselves, and which samples they make."""
    starts = {
        str(rollout): sha256(each.starts.astype("datetime64[s]").astype("<i8").tobytes()).hexdigest()
        for rollout, each in samples.items()
    }
    identities = {name: each.source.provenance.get("identity") for name, each in data.items()}
    return {**identities, "samples": starts}


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
    began = time.monotonic()
    settings = config.validate(composition, Settings)
    values, trust = composition.values, composition.trusted
    engine = find_engine(settings.training, training_device(settings.training.device))
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
    _check_batch_size(settings.training, samples, _together(settings.training, engine))
    validation = _validation_samples(settings, data, steps, trust)
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
    return Training(
        composition=composition,
        settings=settings,
        data=data,
        model=model,
        criterion=criterion,
        samples=samples,
        optimiser=build_optimiser(settings, trust_code=trust),
        schedule=build_schedule(settings, trust_code=trust),
        checkpoint=checkpoint,
        engine=engine,
        validation=validation,
        began=began,
    )


def _together(settings: TrainingSettings, engine: Engine) -> int:
    """How many samples one optimisation step sees."""
    return settings.batch_size * settings.accumulate * engine.world


def _check_batch_size(settings: TrainingSettings, samples: Mapping[int, Samples], batch: int) -> None:
    for rollout, steps in phases(settings):
        if steps and batch > (count := len(samples[rollout])):
            raise ConfigError(
                f"training.batch_size: a batch of {batch} is larger than the number of "
                f"samples, {count} of {rollout} forecast steps.",
                fix=f"Choose {count} at most, or a longer period (dates.start, dates.end).",
            )


def _validation_samples(
    settings: Settings, data: Mapping[str, Data], steps: Mapping[str, Steps], trust_code: bool
) -> Samples | None:
    if settings.dates.validation.start is None:
        return None
    apart = {}
    for name, own in settings.of_domains().items():
        # A source of its own: another thread reads the training period meanwhile.
        source = held(config.build("source", own.data, trust_code=trust_code), own.frequency)
        apart[name] = Data(source, validation_times(source, settings.dates), data[name].domain)
    try:
        return Samples.within(apart, steps, count=settings.training.validation.rollout)
    except DataError as error:
        raise DataError(
            error.what.replace("training period", "validation period"),
            fix="Choose a longer one (dates.validation.start, dates.validation.end), or a shorter "
            "training.validation.rollout.",
        ) from error


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


def interrupted(directory: Path, overrides: Sequence[str] = (), *, trust_code: bool = False) -> Composition:
    """Take up the configuration of the run in a directory, to go on with it.

    Parameters
    ----------
    directory
        That of the run.
    overrides
        What to change of it: trackers, the device, how it is saved, when it must leave.
    trust_code
        Whether code that it names by ``_target_`` may run.

    Raises
    ------
    AnemoiError
        If there is no run, it has finished, or an override changes what is trained.
    """
    _check_directory(directory, resume=True)
    try:
        record = json.loads((directory / CONFIGURATION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{directory / CONFIGURATION} cannot be read: {error}") from error
    composition = Composition.from_dict(record, trust_code=trust_code)
    changed = config.override(composition, overrides)
    before, after = dict(leaves(composition.values)), dict(leaves(changed.values))
    for key in {**before, **after}:
        if before.get(key) != after.get(key) and not key.startswith(_MAY_CHANGE):
            raise ConfigError(
                f"{key} cannot change when a run goes on.",
                fix=f"What can: {', '.join(_MAY_CHANGE)}. For anything else begin another run.",
            )
    return changed


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
