"""The hook ``old-hook``."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping

from anemoi.core.interfaces import hookimpl

LOG = logging.getLogger(__name__)


class OldHook:
    """Warns, once a run, of a metric that is no longer finite: such a training has diverged."""

    def __init__(self) -> None:
        self._warned = False

    @hookimpl
    def training_started(self) -> None:
        """Begin anew: the next run may be of a better mind."""
        self._warned = False

    @hookimpl
    def training_step(self, run: str, step: int, metrics: Mapping[str, float]) -> None:
        """Look at the metrics of a step."""
        diverged = [name for name, value in metrics.items() if not math.isfinite(value)]
        if diverged and not self._warned:
            self._warned = True
            LOG.warning("%s: from step %d on, %s is not finite.", run, step, ", ".join(diverged))
