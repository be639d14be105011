"""Down a stair whenever validations no longer get better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from .warmed_up import WarmedUp


class Plateau(WarmedUp):
    """Constant after a warm-up, and less each time that validations have not got better for a while.

    Parameters
    ----------
    steps, warmup_steps
        As for every :class:`.Schedule`.
    drop
        What the learning rate is multiplied by each time.
    patience
        After how many validations without a better one it drops.
    threshold
        By which share of the best value a value must be lower to be better.
    minimum
        Below this share of the highest learning rate it does not fall.
    """

    needs_validation: ClassVar[bool] = True

    def __init__(
        self,
        *,
        steps: int,
        warmup_steps: int,
        drop: Annotated[float, Field(gt=0, lt=1)] = 0.5,
        patience: Annotated[int, Field(ge=1)] = 5,
        threshold: Annotated[float, Field(ge=0, lt=1)] = 1e-3,
        minimum: Annotated[float, Field(ge=0, le=1)] = 0.0,
    ) -> None:
        super().__init__(steps=steps, warmup_steps=warmup_steps)
        self.drop, self.patience, self.threshold, self.minimum = drop, patience, threshold, minimum
        self.best, self.waited, self.level = math.inf, 0, 1.0

    def after_warmup(self, done: float) -> float:
        """See :meth:`.WarmedUp.after_warmup`."""
        return self.level

    def validated(self, cost: float) -> None:
        """See :meth:`.Schedule.validated`."""
        margin = self.threshold * abs(self.best) if math.isfinite(self.best) else 0.0
        if cost < self.best - margin:
            self.best, self.waited = cost, 0
            return
        self.waited += 1
        if self.waited == self.patience:
            self.level, self.waited = max(self.minimum, self.drop * self.level), 0

    def state(self) -> dict[str, float]:
        """See :meth:`.Schedule.state`."""
        return {"best": self.best, "waited": self.waited, "level": self.level}

    def restore(self, state: Mapping[str, float]) -> None:
        """See :meth:`.Schedule.restore`."""
        self.best, self.waited, self.level = state["best"], int(state["waited"]), state["level"]
