"""Warms workers: each has a process that has imported what jobs need before the first one comes."""

from __future__ import annotations

from typing import Any

from distributed import WorkerPlugin

from .worker import PARENTS


class Warming(WorkerPlugin):  # type: ignore[misc]  # it has no types
    """Begins a warm parent on each worker, also on those that come later.

    Parameters
    ----------
    environment
        The variables of the environment that jobs are given besides the usual ones.
    """

    name = "anemoi-warming"

    def __init__(self, environment: tuple[str, ...]) -> None:
        self._environment = environment

    def setup(self, worker: Any) -> None:
        """Begin one."""
        PARENTS.warm(self._environment)

    def teardown(self, worker: Any) -> None:
        """End those that are idle."""
        PARENTS.close()
