"""Checks of a training's settings together, before any data are read."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.errors import AnemoiError, ConfigError
from anemoi.core.interfaces.objective import Objective
from anemoi.core.model import check_condition, model_class
from anemoi.core.times import format_date, parse_date, parse_duration
from anemoi.core.variable import Role

from .calling import build_callbacks
from .descent import build_optimiser, build_schedule
from .engine import require_fabric
from .leaving import parse_time_limit
from .members import check_members, trained_members
from .scores import metric_builders

if TYPE_CHECKING:
    from .settings import DateSettings, Settings, TrainingSettings, VariableSettings


def check(settings: Settings, *, trust_code: bool) -> None:
    """Refuse settings with which no training can begin, whatever the data are.

    Raises
    ------
    ConfigError
        If a period, a frequency, the time limit or the device is none, a variable has two roles, the model
        does not fit the graph or the objective, or what is built from options alone cannot be: the graph
        builder, the objective, the optimiser, the schedule, a callback, a metric, a tracker.
    """
    for name, own in settings.of_domains().items():
        _check_roles(own.variables, f"domains.{name}.variables" if settings.domains else "variables")
        if own.frequency is not None:
            _parsed(parse_duration, own.frequency, f"domains.{name}.frequency")
    _check_dates(settings.dates)
    if settings.training.time_limit is not None:
        parse_time_limit(settings.training.time_limit)
    training_device(settings.training.device)
    _check_low_rank(settings.training)
    _check_blocks(settings.training)
    require_fabric(settings.training)
    build_optimiser(settings, trust_code=trust_code)
    build_callbacks(settings.callbacks, trust_code=trust_code)
    metric_builders(settings.metrics, trust_code=trust_code)
    needs_validation = build_schedule(settings, trust_code=trust_code).needs_validation
    if needs_validation and settings.dates.validation.start is None:
        raise ConfigError(
            "The schedule follows validations, and this training has none.",
            fix="Give dates.validation.start, or choose another schedule: schedule=warmup-cosine.",
        )
    objective: Objective = _built("objective", settings.objective, "objective", trust_code)
    check_members(settings.training.member_parallel, trained_members(objective))
    if settings.training.validation.members > 1 and not objective.stochastic:
        raise ConfigError(
            f"training.validation.members: all {settings.training.validation.members} would be the same: the "
            "objective draws no random numbers.",
            fix="Choose training.validation.members=1, or an objective whose members differ: "
            "objective=ensemble loss=crps",
        )
    model = model_class(settings.model, trust_code=trust_code)
    if model.needs_graph and settings.graph is None:
        raise ConfigError("The model needs a graph, but none is named.", fix="Choose one: graph=NAME")
    if model.needs_graph:
        _built("graph", settings.graph, "graph", trust_code)
    _check_trackers(settings.trackers, trust_code)
    check_condition(objective, model)


def _built(kind: str, spec: Spec | None, key: str, trust_code: bool, **structure: Any) -> Any:
    """Build a component from its options, and say at which key it is if it cannot be built."""
    assert spec is not None  # or checking would have refused it
    try:
        return config.build(kind, spec, trust_code=trust_code, **structure)
    except AnemoiError as error:
        raise ConfigError(f"{key}: the {kind} cannot be built: {error.what}", fix=error.fix) from error


def _check_trackers(trackers: Mapping[str, Spec], trust_code: bool) -> None:
    """Build each tracker for a directory that goes again: until it starts, it records nothing."""
    with tempfile.TemporaryDirectory(prefix="anemoi-") as parent:
        directory = Path(parent, "run")  # a tracker may keep beside a run what several share
        directory.mkdir()
        for name, spec in trackers.items():
            _built("tracker", spec, f"trackers.{name}", trust_code, directory=directory)


def _check_roles(settings: VariableSettings, key: str) -> None:
    """Refuse a name or pattern in two roles, before the names in the data are known."""
    seen: dict[str, str] = {}
    for choice in (*(role.value for role in Role), "drop"):
        for pattern in getattr(settings, choice):
            if seen.setdefault(pattern, choice) != choice:
                raise ConfigError(
                    f"{key}.{choice}: {pattern} is in {key}.{seen[pattern]} too.", fix="Give it one role."
                )


def training_device(name: str) -> torch.device:
    """Choose the device of a training; ``auto`` is a GPU where there is one.

    Raises
    ------
    ConfigError
        If it is not available on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"training.device: {name!r} is not available on this machine.", fix="Choose auto, cpu or cuda."
        ) from error
    return torch.device(name)


def _check_low_rank(settings: TrainingSettings) -> None:
    """Refuse low-rank changes of no weights, and of weights that mean nothing yet."""
    if settings.lora.weights and settings.start.checkpoint is None:
        raise ConfigError(
            "training.lora: low-rank changes are of the weights of a checkpoint, and there is none.",
            fix="Give one: anemoi train --from CHECKPOINT",
        )
    if not settings.lora.weights and settings.lora != type(settings.lora)():
        raise ConfigError(
            "training.lora: no weights are named.", fix="Choose some: training.lora.weights=[processor.*]"
        )


def _check_blocks(settings: TrainingSettings) -> None:
    """Refuse processes that would each read every block."""
    if settings.blocks.size > 1 and settings.workers:
        raise ConfigError(
            "training.blocks: blocks are read in a thread of the training, and training.workers is "
            f"{settings.workers}.",
            fix="Choose training.workers=0, or training.blocks.size=1.",
        )


def _check_dates(dates: DateSettings) -> None:
    """Refuse periods that end before they begin, or are not one after another."""
    periods = (
        ("dates", dates.start, dates.end),
        ("dates.validation", dates.validation.start, dates.validation.end),
        ("dates.test", dates.test.start, dates.test.end),
    )
    previous: tuple[str, np.datetime64] | None = None
    for key, start, end in periods:
        begin, last = _date(start, f"{key}.start"), _date(end, f"{key}.end")
        if begin is not None and last is not None and begin > last:
            raise ConfigError(
                f"{key}.end: {format_date(last)} is before {key}.start, {format_date(begin)}.",
                fix="Write the first date first.",
            )
        if key != "dates" and begin is None and last is not None:
            raise ConfigError(
                f"{key}.end: the {key.removeprefix('dates.')} period has an end, but no start.",
                fix=f"Set {key}.start too.",
            )
        if key != "dates" and begin is not None and previous is not None and previous[1] >= begin:
            before, until = previous
            raise ConfigError(
                f"{before}.end: the period ends at {format_date(until)}, not before the "
                f"{key.removeprefix('dates.')} period begins, at {start}.",
                fix=f"Choose an earlier {before}.end, or none: then it ends where the next begins.",
            )
        if last is not None:
            previous = (key, last)


def _date(text: str | None, key: str) -> np.datetime64 | None:
    return None if text is None else cast(np.datetime64, _parsed(parse_date, text, key))


def _parsed(parse: Callable[[str], Any], text: str, key: str) -> Any:
    try:
        return parse(text)
    except AnemoiError as error:
        raise ConfigError(f"{key}: {error.what}", fix=error.fix) from error
