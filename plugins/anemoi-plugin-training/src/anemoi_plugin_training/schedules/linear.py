"""Up a straight line, down another."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .warmed_up import WarmedUp


class Linear(WarmedUp):
    """From zero up a straight line, then down another.

    Parameters
    ----------
    steps, warmup_steps
        As for every :class:`.Schedule`.
    minimum
        Where it ends, as a share of the highest learning rate.
    """

    def __init__(
        self, *, steps: int, warmup_steps: int, minimum: Annotated[float, Field(ge=0, le=1)] = 0.0
    ) -> None:
        super().__init__(steps=steps, warmup_steps=warmup_steps)
        self.minimum = minimum

    def after_warmup(self, done: float) -> float:
        """See :meth:`.WarmedUp.after_warmup`."""
        return 1 - (1 - self.minimum) * done
