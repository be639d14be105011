"""Lets trackers hear the events of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core import config
from anemoi.core.config import Spec
from anemoi.core.interfaces import Tracker, hookimpl
from anemoi.core.plugins import Broadcast, hooks


def listeners(trackers: Mapping[str, Spec], *, directory: Path, trust_code: bool) -> Broadcast:
    """Put together all that hears of a training: the hooks installed here, and its trackers.

    A tracker is heard out as a hook is: one that raises, or is slow, is reported once and switched
    off, and never stops the run.

    Parameters
    ----------
    trackers
        The section ``trackers`` of the configuration: a component for each name.
    directory
        The directory of the run.
    trust_code
        Whether a tracker may be named by ``_target_``.
    """
    built = {
        name: config.build("tracker", spec, directory=directory, trust_code=trust_code)
        for name, spec in trackers.items()
    }
    return hooks({f"The tracker {name}": _Recorder(tracker) for name, tracker in built.items()})


class _Recorder:
    """Turns events into the calls of a tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @hookimpl
    def training_started(self, run: str, parameters: Mapping[str, Any]) -> None:
        self._tracker.start(run, parameters)

    @hookimpl
    def training_step(self, step: int, metrics: Mapping[str, float]) -> None:
        self._tracker.metrics(metrics, step)

    @hookimpl
    def checkpoint_saved(self, path: Path) -> None:
        self._tracker.artefact(path)

    @hookimpl
    def file_saved(self, path: Path) -> None:
        self._tracker.artefact(path)

    @hookimpl
    def training_finished(self, status: str) -> None:
        self._tracker.finish(status)
