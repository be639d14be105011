"""A training before a value is read: its data, their periods, its graph, and whether a model can be built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anemoi.core import config
from anemoi.core.config.nearest import nearest
from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.graph import Graph
from anemoi.core.held import held
from anemoi.core.interfaces.graph_builder import GraphBuilder
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import assemble, model_class, transforms_of
from anemoi.core.steps import Steps

from .criterion import check_loss_suits
from .domains import Data, check_some_output, outline, test_times, training_times, validation_times
from .engine import Engine
from .loop import phases
from .roles import Where
from .run import together
from .samples import Samples
from .scores import built, metric_builders
from .settings import PeriodSettings, Settings, TrainingSettings, ValidationSettings
from .sizes import parameters_without_memory
from .validation import metric_names


@dataclass(frozen=True, eq=False)
class Opened:
    """A training before values are read.

    Parameters
    ----------
    objective
        What is trained.
    steps
        When the states of one step lie, by domain.
    data
        The domains, by what the data say of themselves, and their training periods.
    samples
        Those of the training period, by the number of forecast steps.
    validation, test
        Those of the periods that are held out; None without one.
    graph
        None for a model without one.
    """

    objective: Objective
    steps: Mapping[str, Steps]
    data: Mapping[str, Data]
    samples: Mapping[int, Samples]
    validation: Samples | None
    test: Samples | None
    graph: Graph | None

    def described(self, domains: Mapping[str, Domain]) -> Opened:
        """The same, with what the values have shown of the domains."""
        return replace(
            self,
            data={name: replace(each, domain=domains[name]) for name, each in self.data.items()},
            samples={count: each.described(domains) for count, each in self.samples.items()},
            validation=self.validation and self.validation.described(domains),
            test=self.test and self.test.described(domains),
        )


def open_data(
    settings: Settings, values: Mapping[str, Any], engine: Engine, *, where: Where, trust_code: bool
) -> Opened:
    """Open the data of a training, and build its graph; its model is built to be thrown away.

    Raises
    ------
    AnemoiError
        If the data, the periods, the graph or the model will not do.
    """
    domains = settings.of_domains()
    sources = {
        name: held(config.build("source", own.data, trust_code=trust_code), own.frequency)
        for name, own in domains.items()
    }
    objective: Objective = config.build("objective", settings.objective, trust_code=trust_code)
    steps = objective.steps({name: source.frequency for name, source in sources.items()})
    data = {
        name: Data(
            source,
            training_times(source, settings.dates),
            outline(
                source,
                domains[name],
                steps[name],
                transforms_of(values, name),
                key=variables_key(settings, name),
                where=where,
                trust_code=trust_code,
            ),
        )
        for name, source in sources.items()
    }
    samples = {
        rollout: Samples.within(data, steps, count=rollout) for rollout, _ in phases(settings.training)
    }
    _check_batch_size(settings.training, samples, together(settings.training, engine))
    outlines = {name: each.domain for name, each in data.items()}
    check_some_output(outlines)
    opened = Opened(
        objective=objective,
        steps=steps,
        data=data,
        samples=samples,
        validation=_held_out("validation", settings.dates.validation, settings, data, steps, trust_code),
        test=_held_out("test", settings.dates.test, settings, data, steps, trust_code),
        graph=_graph(settings, outlines, trust_code),
    )
    if settings.metrics and opened.validation is None and opened.test is None:
        raise ConfigError(
            f"metrics.{next(iter(settings.metrics))}: this training has neither a validation nor a test.",
            fix="Give dates.validation.start, or choose no metrics.",
        )
    better = _check_metrics(settings, outlines, steps, trust_code)
    if opened.validation is not None:
        _check_metric(settings.training.validation, outlines, steps, better)
    with parameters_without_memory():  # What does not fit is told before hours of reading.
        model = assemble(
            values,
            domains=outlines,
            steps=steps,
            graph=opened.graph,
            objective=objective,
            trust_code=trust_code,
        )
    check_loss_suits(objective, settings.loss, model.normalised, steps, trust_code=trust_code)
    return opened


def variables_key(settings: Settings, domain: str) -> str:
    """The key of the variables of a domain in the configuration."""
    return f"domains.{domain}.variables" if settings.domains else "variables"


def _check_metrics(
    settings: Settings, domains: Mapping[str, Domain], steps: Mapping[str, Steps], trust_code: bool
) -> dict[str, bool]:
    """Build the metrics of every domain; whether of two values of each one is the better one."""
    builders = metric_builders(settings.metrics, trust_code=trust_code)
    validation = settings.training.validation
    count, members = validation.rollout, validation.members
    return {
        name: metric.better is not None
        for domain, own in steps.items()
        if domains[domain].outputs and own.outputs
        for name, metric in built(builders, domains[domain], own, count, members=members).items()
    }


def _check_metric(
    settings: ValidationSettings,
    domains: Mapping[str, Domain],
    steps: Mapping[str, Steps],
    better: Mapping[str, bool],
) -> None:
    metric, known = settings.metric, metric_names(domains, steps, settings.rollout, better)
    if metric not in known:
        raise ConfigError(
            f"training.validation.metric: validation gives no {metric!r}.", fix=nearest(metric, known)
        )
    judging = metric_names(domains, steps, settings.rollout, [name for name in better if better[name]])
    if metric not in judging:
        raise ConfigError(
            f"training.validation.metric: of two values of {metric} neither is the better one.",
            fix=f"Choose another, such as {judging[0]}.",
        )


def _check_batch_size(settings: TrainingSettings, samples: Mapping[int, Samples], batch: int) -> None:
    for rollout, steps in phases(settings, math.ceil(len(samples[min(samples)]) / batch)):
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
