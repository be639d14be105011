"""The events that are broadcast while a model is trained or runs a forecast.

A hook watches; it changes nothing, returns nothing, and can stop nothing: one that raises, or that
takes too long, is reported once and switched off. A plugin offers a module, an object or a class
(called without arguments) through the entry-point group ``anemoi.core.hooks``, and marks with
:data:`hookimpl` a function named after each event it wants. A function may leave out the arguments
that it has no use for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from .output import ForecastDescription, State

PROJECT = "anemoi"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as the one to call at the event that it is named after."""


@hookspec
def training_started(run: str, parameters: Mapping[str, Any]) -> None:
    """A training called ``run`` is about to take its first step, with these parameters, as JSON."""


@hookspec
def training_step(run: str, step: int, metrics: Mapping[str, float]) -> None:
    """An optimisation step was taken; ``step`` counts from one."""


@hookspec
def training_epoch(run: str, epoch: int, metrics: Mapping[str, float]) -> None:
    """All the training data were seen once more; ``epoch`` counts from one."""


@hookspec
def checkpoint_saved(run: str, path: Path) -> None:
    """A whole checkpoint lies at ``path``."""


@hookspec
def file_saved(run: str, path: Path) -> None:
    """A file of a training that is no checkpoint lies whole at ``path``: a picture, say."""


@hookspec
def training_finished(run: str, status: str) -> None:
    """The training ended; ``status`` is ``finished``, ``failed`` or ``interrupted``."""


@hookspec
def forecast_started(forecast: ForecastDescription) -> None:
    """A forecast is about to be made."""


@hookspec
def forecast_step(forecast: ForecastDescription, state: State) -> None:
    """A state of the forecast was computed, and taken by whoever asked for it; it may not be written yet."""


@hookspec
def forecast_finished(forecast: ForecastDescription, status: str) -> None:
    """The forecast ended; ``status`` is ``finished``, ``failed`` or ``interrupted``.

    The files that a finished one is written to are whole, and under their names.
    """
