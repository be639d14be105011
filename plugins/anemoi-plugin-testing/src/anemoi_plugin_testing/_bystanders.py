"""What a component that only watches is told, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ._check import require
from ._process import state_of_the_process

PARAMETERS: Mapping[str, Any] = {
    "model": {"channels": 64, "processor": {"name": "transformer", "window_size": None}},
    "training": {"learning_rate": 1e-3, "rollout": 2},
    "forcings": ["insolation", "cos_latitude"],
}
"""Parameters of a run, as JSON; copy them before they are handed out."""

METRICS: Mapping[str, float] = {"loss": 0.5, "learning_rate": 1e-3}
"""Metrics of a step; copy them too."""

PROMPT = 1.0
"""Seconds that the events of a run of a few steps may take in all."""


def require_process_left_alone(action: Callable[[], object]) -> None:
    """See that ``action`` changes nothing that a run depends on."""
    before = state_of_the_process()
    action()
    after = state_of_the_process()
    changed = [name for name, value in before.items() if after[name] != value]
    require(not changed, f"it changes {', '.join(changed)}")
