"""One cycle up and down."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from ..interfaces.schedule import Schedule


class OneCycle(Schedule):
    """Up half a cosine and down another, to far below where it began.

    The schedule of Smith and Topin, "Super-convergence", 2018, as ``torch.optim.lr_scheduler.OneCycleLR`` has
    it, without its cycle of the momentum. The rise is a share of all steps: ``warmup_steps`` is not used.

    Parameters
    ----------
    steps, warmup_steps
        As for every :class:`.Schedule`.
    rise
        The share of the steps over which it grows.
    start
        Where it begins, as a share of the highest learning rate.
    minimum
        Where it ends, as a share of the highest learning rate.
    """

    def __init__(
        self,
        *,
        steps: int,
        warmup_steps: int,
        rise: Annotated[float, Field(gt=0, lt=1)] = 0.3,
        start: Annotated[float, Field(ge=0, le=1)] = 0.04,
        minimum: Annotated[float, Field(ge=0, le=1)] = 4e-6,
    ) -> None:
        self.steps, self.rise, self.start, self.minimum = steps, rise, start, minimum

    def factor(self, step: int) -> float:
        """See :meth:`.Schedule.factor`."""
        last = self.steps - 1
        top = max(0.0, self.rise * self.steps - 1)
        if step < top:
            return _between(self.start, 1.0, step / top)
        return _between(1.0, self.minimum, min(1.0, (step - top) / (last - top)) if last > top else 0.0)


def _between(first: float, second: float, done: float) -> float:
    """The point on half a cosine from ``first`` to ``second``, when a share of the way is done."""
    return second + (first - second) / 2 * (1 + math.cos(math.pi * done))
