"""When the states lie that a model takes and gives, relative to the time that a forecast step begins at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .errors import ConfigError
from .times import format_duration

Offset = np.timedelta64
"""A time relative to that of the analysis, timedelta64[s]; negative before it."""


@dataclass(frozen=True)
class Steps:
    """The states of one domain in one step of a forecast.

    Parameters
    ----------
    inputs
        When the states lie that a model takes, oldest first; zero is the time that the step begins at.
    outputs
        When those lie that it gives, in order.
    step
        How far one step takes a forecast: the next begins so much later. The same in all domains.
    interval
        The time between two states of this domain, over which changes are taken.

    Raises
    ------
    ConfigError
        If they are not in order, or no state comes in.
    """

    inputs: tuple[Offset, ...]
    outputs: tuple[Offset, ...]
    step: Offset
    interval: Offset

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs"):
            offsets = getattr(self, name)
            if any(later <= earlier for earlier, later in pairwise(offsets)):
                raise ConfigError(f"The {name} of a step are not in order of time: {self._listed(offsets)}.")
        if not self.inputs:
            raise ConfigError("A step of a forecast must take at least one state.")
        if not self.step > np.timedelta64(0, "s"):
            raise ConfigError(f"A step of a forecast cannot take {format_duration(self.step)}.")

    @staticmethod
    def _listed(offsets: tuple[Offset, ...]) -> str:
        return ", ".join(str(offset) for offset in offsets)

    def window(self, count: int) -> tuple[Offset, ...]:
        """All times that ``count`` steps of a forecast take or give, in order."""
        offsets = {
            number * self.step + offset for number in range(count) for offset in self.inputs + self.outputs
        }
        return tuple(sorted(offsets))
