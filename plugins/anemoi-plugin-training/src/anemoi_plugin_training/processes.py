"""Which of several processes this is, where ``torchrun`` has started it. Imports no torch."""

from __future__ import annotations

import os


def rank() -> int:
    """Which process this is, counted from zero: the first one writes and tells."""
    return _number("RANK", 0)


def world() -> int:
    """How many train together."""
    return _number("WORLD_SIZE", 1)


def local_world() -> int:
    """How many of them are on this machine."""
    return _number("LOCAL_WORLD_SIZE", 1)


def _number(name: str, alone: int) -> int:
    started = "TORCHELASTIC_RUN_ID" in os.environ
    return int(os.environ.get(name, alone)) if started else alone
