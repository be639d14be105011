"""From a configuration to a training that can begin: all is built and checked before its first step."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from anemoi.core import config
from anemoi.core.checkpoint import FORECAST_SECTIONS, Checkpoint, lock
from anemoi.core.config import Composition
from anemoi.core.errors import ConfigError
from anemoi.core.model import assemble, transforms_of
from anemoi.core.provenance import provenance
from anemoi.core.times import format_date

from .calling import build_callbacks
from .checks import training_device
from .criterion import build_criterion
from .descent import build_optimiser, build_schedule, trained_of
from .domains import check_some_output, domain_of
from .earlier import PRIMARY
from .engine import find_engine
from .low_rank import choose
from .opening import open_data, variables_key
from .patterns import factors, freeze
from .roles import Where
from .run import Training
from .settings import Settings
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
    locked = lock(values, trust_code=trust)
    start = Start.find(settings.training.start, run)
    opened = open_data(settings, values, engine, where=_where(composition), trust_code=trust)
    objective, steps, graph = opened.objective, opened.steps, opened.graph
    described = {
        name: domain_of(
            opened.data[name].source,
            opened.data[name].times,
            own,
            steps[name],
            transforms_of(values, name),
            key=variables_key(settings, name),
            where=_where(composition),
            trust_code=trust,
            track=track,
        )
        for name, own in settings.of_domains().items()
    }
    check_some_output(described)
    opened = opened.described(described)
    torch.manual_seed(settings.training.seed)
    model = assemble(
        values, domains=described, steps=steps, graph=graph, objective=objective, trust_code=trust
    )
    beginning = start.begin(model, graph, device=engine.device, trust_code=trust)
    choose(model, settings.training.lora)
    freeze(model, settings.training.freeze, "training.freeze")
    rates = [(each.weights, each.factor) for each in settings.training.learning_rates]
    criterion = build_criterion(settings.loss, settings.scalers, model.normalised, steps, trust_code=trust)
    first = next(iter(opened.data.values())).times
    parents: list[dict[str, Any]] = [
        {**each.source.provenance, "kind": "dataset"} for each in opened.data.values()
    ]
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
        data=opened.data,
        model=model,
        criterion=criterion,
        samples=opened.samples,
        optimiser=build_optimiser(settings, trust_code=trust),
        schedule=build_schedule(settings, trust_code=trust),
        callbacks=build_callbacks(settings.callbacks, trust_code=trust),
        factors=factors(rates, trained_of(model), "training.learning_rates"),
        beginning=beginning,
        optimiser_states=start.optimiser_states(beginning, settings.of_optimiser()),
        checkpoint=checkpoint,
        engine=engine,
        validation=opened.validation,
        test=opened.test,
        began=began,
    )


def rehearse(composition: Composition) -> None:
    """Refuse what :func:`prepare` would refuse before it reads values: data, graph and model are built.

    Raises
    ------
    AnemoiError
        As :func:`prepare`.
    """
    with _placed(composition):
        settings, trust = config.validate(composition, Settings), composition.trusted
        engine = find_engine(settings.training, training_device(settings.training.device))
        open_data(settings, composition.values, engine, where=_where(composition), trust_code=trust)


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
