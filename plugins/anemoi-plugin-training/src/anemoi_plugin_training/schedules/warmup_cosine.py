"""Up a straight line, down a cosine."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from .warmed_up import WarmedUp


class WarmupCosine(WarmedUp):
    """From zero up a straight line, then down half a cosine (Loshchilov and Hutter, "SGDR", 2017).

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
        return self.minimum + (1 - self.minimum) * (0.5 * (1 + math.cos(math.pi * done)))
