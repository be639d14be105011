"""From a configuration to a training that can begin: all is built and checked before its first step."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.checkpoint import FORECAST_SECTIONS, Checkpoint, lock
from anemoi.core.config import Composition
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.graph import Graph
from anemoi.core.held import held
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import assemble, model_class, transforms_of
from anemoi.core.provenance import provenance
from anemoi.core.steps import Steps
from anemoi.core.times import format_date

from .calling import build_callbacks
from .checks import training_device
from .criterion import build_criterion
from .descent import build_optimiser, build_schedule
from .domains import Data, check_some_output, domain_of, test_times, training_times, validation_times
from .earlier import PRIMARY
from .engine import find_engine
from .loop import phases
from .patterns import factors, freeze
from .roles import Where
from .run import Training, together
from .samples import Samples
from .settings import PeriodSettings, Settings, TrainingSettings
from .start import Start
from .statistics import Track, untracked


def prepare(composition: Composition, *, run: Path | None = None, track: Track = untracked) -> Training:
    """Build and check all that a training needs, without training.

    Parameters
    ----------
    run
        The directory of the run that goes on: one that has saved a state needs no other checkpoint.
    track
        Shows how far a pass over the data has come.

    Raises
    ------
    AnemoiError
        If the configuration, the data, the graph or the model will not do; a mistake in the configuration
        with the file and the line that it was written in.
    """
    with _placed(composition):
        return _prepare(composition, run, track)


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


def _prepare(composition: Composition, run: Path | None, track: Track) -> Training:
    began = time.monotonic()
    settings = config.validate(composition, Settings)
    values, trust = composition.values, composition.trusted
    engine = find_engine(settings.training, training_device(settings.training.device))
    domains = settings.of_domains()
    locked = lock(values, trust_code=trust)
    start = Start.find(settings.training.start, run)
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
    _check_batch_size(settings.training, samples, together(settings.training, engine))
    validation = _held_out("validation", settings.dates.validation, settings, data, steps, trust)
    test = _held_out("test", settings.dates.test, settings, data, steps, trust)
    graph = _graph(settings, described, trust)
    torch.manual_seed(settings.training.seed)
    model = assemble(
        values, domains=described, steps=steps, graph=graph, objective=objective, trust_code=trust
    )
    beginning = start.begin(model, graph, device=engine.device, trust_code=trust)
    freeze(model, settings.training.freeze, "training.freeze")
    rates = [(each.weights, each.factor) for each in settings.training.learning_rates]
    trained = [name for name, each in model.named_parameters() if each.requires_grad]
    criterion = build_criterion(settings.loss, settings.scalers, model.normalised, steps, trust_code=trust)
    first = next(iter(periods.values()))
    parents: list[dict[str, Any]] = [{**source.provenance, "kind": "dataset"} for source in sources.values()]
    if graph is not None:
        parents.append(
            {"kind": "graph", "identity": graph.identity, "configuration": composition.recorded.get("graph")}
        )
    parents += start.parents
    facts: dict[str, Any] = {
        "training_period": {"start": format_date(first[0]), "end": format_date(first[-1])}
    }
    if settings.training.ema is not None:
        facts["averaged_weights"] = {"decay": settings.training.ema}
    checkpoint = Checkpoint(
        weights={},
        graph=graph,
        domains=described,
        steps=steps,
        configuration=composition.recorded_except(FORECAST_SECTIONS),
        overrides=composition.overrides,
        lock=locked,
        provenance=provenance(
            parents=parents,
            kind="checkpoint",
            **facts,
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
        callbacks=build_callbacks(settings.callbacks, trust_code=trust),
        factors=factors(rates, trained, "training.learning_rates"),
        beginning=beginning,
        optimiser_states=start.optimiser_states(beginning, settings.of_optimiser()),
        checkpoint=checkpoint,
        engine=engine,
        validation=validation,
        test=test,
        began=began,
    )


def _check_batch_size(settings: TrainingSettings, samples: Mapping[int, Samples], batch: int) -> None:
    for rollout, steps in phases(settings):
        if steps and batch > (count := len(samples[rollout])):
            raise ConfigError(
                f"training.batch_size: a batch of {batch} is larger than the number of "
                f"samples, {count} of {rollout} forecast steps.",
                fix=f"Choose {count} at most, or a longer period (dates.start, dates.end).",
            )


def _held_out(
    name: str,
    period: PeriodSettings,
    settings: Settings,
    data: Mapping[str, Data],
    steps: Mapping[str, Steps],
    trust_code: bool,
) -> Samples | None:
    """The samples of the validation or of the test period; None without one."""
    if period.start is None:
        return None
    times = {"validation": validation_times, "test": test_times}[name]
    apart = {}
    for domain, own in settings.of_domains().items():
        # A source of its own: another thread reads the training period meanwhile.
        source = held(config.build("source", own.data, trust_code=trust_code), own.frequency)
        apart[domain] = Data(source, times(source, settings.dates), data[domain].domain)
    try:
        return Samples.within(apart, steps, count=settings.training.validation.rollout)
    except DataError as error:
        raise DataError(
            error.what.replace("training period", f"{name} period"),
            fix=f"Choose a longer one (dates.{name}.start, dates.{name}.end), or a shorter "
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
