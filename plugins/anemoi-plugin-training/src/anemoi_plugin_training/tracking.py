"""Keeps trackers from ever stopping a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anemoi.core import config
from anemoi.core.interfaces.tracker import Tracker


class Trackers:
    """Several trackers as one. One that raises is reported once, and not called again.

    Parameters
    ----------
    specs
        The section ``trackers`` of the configuration: a component for each name.
    directory
        The directory of the run.
    report
        Where to say that a tracker was switched off.
    """

    def __init__(
        self,
        specs: Mapping[str, Mapping[str, Any]],
        *,
        directory: Path,
        trust_code: bool,
        report: Callable[[str], None],
    ) -> None:
        self._report = report
        self._trackers: dict[str, Tracker] = {
            name: config.build("tracker", spec, directory=directory, trust_code=trust_code)
            for name, spec in specs.items()
        }

    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """See :class:`anemoi.core.interfaces.tracker.Tracker`, as for the methods below."""
        self._each(lambda tracker: tracker.start(run, parameters))

    def metrics(self, values: Mapping[str, float], step: int) -> None:  # noqa: D102
        self._each(lambda tracker: tracker.metrics(values, step))

    def artefact(self, path: Path) -> None:  # noqa: D102
        self._each(lambda tracker: tracker.artefact(path))

    def finish(self, status: str) -> None:  # noqa: D102
        self._each(lambda tracker: tracker.finish(status))

    def _each(self, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                call(tracker)
            except Exception as error:  # noqa: PERF203
                del self._trackers[name]
                self._report(
                    f"The tracker {name!r} failed and is switched off: {type(error).__name__}: {error}"
                )
