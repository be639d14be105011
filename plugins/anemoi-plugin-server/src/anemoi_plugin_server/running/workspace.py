"""What the process of a job may reach."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anemoi.core.errors import NotThereError

from ..offers import Offers
from .attempt import Attempt


class AttemptWorkspace:
    """The :class:`.Workspace` of one attempt.

    Parameters
    ----------
    attempt
        The attempt.
    """

    def __init__(self, attempt: Attempt) -> None:
        self.directory, self.attempt = Path(attempt.directory), attempt.number
        self._named = attempt.named
        self._offers = Offers(Path(attempt.models), Path(attempt.results), attempt.sources, attempt.outputs)

    def model(self, name: str) -> Path:
        """See :meth:`.Workspace.model`."""
        return self._offers.model(name)

    def source(self, name: str) -> Mapping[str, Any]:
        """See :meth:`.Workspace.source`."""
        return self._offers.source(name)

    def output(self, name: str) -> Mapping[str, Any]:
        """See :meth:`.Workspace.output`."""
        return self._offers.output(name)

    def result(self, job: str) -> Path:
        """See :meth:`.Workspace.result`."""
        found = self._offers.results / self._named.get(job, "nothing") / "files"
        if not found.is_dir():
            raise NotThereError(
                f"There is no result of the job {job}.",
                fix="Name a job of your own that has finished, and whose result has not been removed.",
            )
        return found
