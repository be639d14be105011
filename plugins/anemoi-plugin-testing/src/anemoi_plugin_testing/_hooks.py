"""The checks of hooks."""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pluggy
from anemoi.core.interfaces import hooks
from anemoi.core.plugins import hook_fault

from ._bystanders import METRICS, PARAMETERS, PROMPT, require_process_left_alone
from ._check import Check, Subject, contract, require
from ._forecasts import description, states

HEARS = ("watches_known_events", "starts", "takes_the_events_of_a_run")


def _events(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those of a training, then those of a forecast."""
    run, path = {"run": "a-run"}, folder / "checkpoint.safetensors"
    path.write_bytes(b"weights")
    yield "training_started", {**run, "parameters": copy.deepcopy(PARAMETERS)}
    for step in (1, 2):
        yield "training_step", {**run, "step": step, "metrics": dict(METRICS)}
    yield "training_epoch", {**run, "epoch": 1, "metrics": dict(METRICS)}
    yield "checkpoint_saved", {**run, "path": path}
    yield "file_saved", {**run, "path": path}
    for status in ("finished", "failed", "interrupted"):
        yield "training_finished", {**run, "status": status}
    forecast = description()
    yield "forecast_started", {"forecast": forecast}
    for state in states():
        yield "forecast_step", {"forecast": forecast, "state": state}
    for status in ("finished", "failed", "interrupted"):
        yield "forecast_finished", {"forecast": forecast, "status": status}


def _started(subject: Subject) -> pluggy.PluginManager:
    component = subject.component
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(component() if isinstance(component, type) else component)
    return manager


def _tell(
    manager: pluggy.PluginManager, folder: Path, look: Callable[[str, dict[str, Any], list[Any]], object]
) -> None:
    for event, values in _events(folder):
        look(event, values, getattr(manager.hook, event)(**values))


def _tell_all(subject: Subject, look: Callable[[str, dict[str, Any], list[Any]], object]) -> None:
    manager = _started(subject)
    with tempfile.TemporaryDirectory(prefix="anemoi-check-") as folder:
        _tell(manager, Path(folder), look)


@contract()
def watches_known_events(subject: Subject) -> None:
    """It marks at least one function, each named after an event and with arguments that the event has."""
    fault = hook_fault(subject.component)
    require(not fault, fault)


@contract(after=("watches_known_events",))
def starts(subject: Subject) -> None:
    """A class of hooks is called without arguments."""
    _started(subject)


@contract(after=("watches_known_events", "starts"))
def takes_the_events_of_a_run(subject: Subject) -> None:
    """It raises at no event of a training and of a forecast, however they end."""

    def look(event: str, values: dict[str, Any], results: list[Any]) -> None:
        """Nothing: that it did not raise is all."""

    _tell_all(subject, look)


@contract(after=HEARS)
def returns_nothing(subject: Subject) -> None:
    """It watches, and returns nothing."""

    def look(event: str, values: dict[str, Any], results: list[Any]) -> None:
        require(not results, f"at {event} it returns {results[:1]}")

    _tell_all(subject, look)


@contract(after=HEARS)
def changes_nothing(subject: Subject) -> None:
    """It changes neither the values that it is told nor the checkpoint."""

    def look(event: str, values: dict[str, Any], results: list[Any]) -> None:
        parameters, metrics = values.get("parameters", PARAMETERS), values.get("metrics", METRICS)
        require(parameters == PARAMETERS, f"at {event} it changes the parameters")
        require(metrics == METRICS, f"at {event} it changes the metrics")
        if "state" in values:
            state = values["state"]
            (before,) = (each.fields for each in states() if each.lead_time == state.lead_time)
            require(np.array_equal(state.fields, before), f"at {event} it changes the fields")
        if "path" in values:
            whole = values["path"].is_file() and values["path"].read_bytes() == b"weights"
            require(whole, f"at {event} it changes the checkpoint")

    _tell_all(subject, look)


@contract(after=HEARS)
def is_prompt(subject: Subject) -> None:
    """The events of a run of two steps take less than a second."""
    began = time.monotonic()
    _tell_all(subject, lambda event, values, results: None)
    took = time.monotonic() - began
    require(took < PROMPT, f"they take {took:.1f} s")


@contract(after=HEARS)
def leaves_the_process_alone(subject: Subject) -> None:
    """Random numbers, signals and the working directory are the same after as before."""
    require_process_left_alone(lambda: _tell_all(subject, lambda event, values, results: None))


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "hook": (
        watches_known_events,
        starts,
        takes_the_events_of_a_run,
        returns_nothing,
        changes_nothing,
        is_prompt,
        leaves_the_process_alone,
    )
}
