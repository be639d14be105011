"""The parts of an optimisation step, as a profile shows them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from torch.profiler import record_function

PREFIX: Final = "training: "

DATA: Final = "waiting for data"
INPUTS: Final = "copying and normalising"
FORWARD: Final = "forward"
BACKWARD: Final = "backward"
CLIPPING: Final = "clipping"
OPTIMISER: Final = "optimiser"

PARTS: Final = (DATA, INPUTS, FORWARD, BACKWARD, CLIPPING, OPTIMISER)


def part(name: str) -> AbstractContextManager[object]:
    """Whatever is done within is a part of a step; costs some microseconds."""
    return record_function(PREFIX + name)
