"""What keeps a record of a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Tracker(ABC):
    """Keeps the parameters, metrics and files of a run.

    Any method may raise: the trainer reports it once and switches the tracker off. A tracker
    can never stop a training. A subclass takes ``directory``, and its own options after it, each
    with a type and a default.

    Parameters
    ----------
    directory
        The directory of the run, which exists and holds the files that the run makes. Nothing is written to
        it, and no server asked, before :meth:`start`: a configuration is checked by building its trackers.
    """

    @abstractmethod
    def __init__(self, *, directory: Path) -> None: ...

    @abstractmethod
    def start(self, run: str, parameters: Mapping[str, Any]) -> None:
        """Begin the record of ``run`` with all the parameters that it was started with, as JSON.

        A run that is resumed starts once more in the same directory: its record goes on.
        """

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Record the values of some metrics at an optimisation step."""

    @abstractmethod
    def artefact(self, path: Path) -> None:
        """Record a file that the run made, such as its checkpoint."""

    @abstractmethod
    def finish(self, status: str) -> None:
        """End the record; ``status`` is ``finished``, ``failed`` or ``interrupted``."""
