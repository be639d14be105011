"""What schedules with a warm-up have in common."""

from __future__ import annotations

from abc import abstractmethod

from ..interfaces.schedule import Schedule


class WarmedUp(Schedule):
    """Grows along a straight line to one at the end of the warm-up; a subclass says what comes after.

    Parameters
    ----------
    steps, warmup_steps
        As for every :class:`.Schedule`.
    """

    def __init__(self, *, steps: int, warmup_steps: int) -> None:
        self.steps, self.warmup_steps = steps, warmup_steps

    def factor(self, step: int) -> float:
        """See :meth:`.Schedule.factor`."""
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        done = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.after_warmup(min(1.0, done))

    @abstractmethod
    def after_warmup(self, done: float) -> float:
        """Give the factor when a share ``done`` of the steps after the warm-up is done, within [0, 1]."""
