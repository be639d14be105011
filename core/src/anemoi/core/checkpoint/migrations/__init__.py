"""From each older format of a checkpoint to the one after it, a step a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..contents import Stored
from .from_1 import upgrade as from_1

Step = Callable[[Mapping[str, Any], Mapping[str, Stored]], tuple[dict[str, Any], dict[str, Stored]]]

STEPS: Mapping[int, Step] = {1: from_1}
"""The step that leads from each format to the next."""


def migrate(
    version: int, document: Mapping[str, Any], tensors: Mapping[str, Stored]
) -> tuple[Mapping[str, Any], Mapping[str, Stored]]:
    """Bring what a file of format ``version`` holds to the newest format.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it does not hold what that format asks for.
    """
    while version in STEPS:
        document, tensors = STEPS[version](document, tensors)
        version += 1
    return document, tensors
