"""An end of the training as soon as it is good enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ..interfaces.callback import Callback, Moment


class StopBelow(Callback):
    """Ends the training when a metric has been below a value several times in a row.

    Parameters
    ----------
    metric
        Its name; it counts at the steps that have it.
    value
        Below it the training ends.
    times
        How many times in a row it must be there.
    """

    def __init__(
        self, *, metric: str = "validation_loss", value: float = 0.0, times: Annotated[int, Field(ge=1)] = 1
    ) -> None:
        self.metric, self.value, self.times = metric, value, times
        self.seen = 0

    def after_step(self, moment: Moment, metrics: Mapping[str, float]) -> str | None:
        """See :meth:`.Callback.after_step`."""
        if self.metric not in metrics:
            return None
        self.seen = self.seen + 1 if metrics[self.metric] < self.value else 0
        if self.seen < self.times:
            return None
        return f"{self.metric} is {metrics[self.metric]:.4g}, below {self.value:g}"

    def state(self) -> dict[str, int]:
        """See :meth:`.Callback.state`."""
        return {"seen": self.seen}

    def restore(self, state: Mapping[str, int]) -> None:
        """See :meth:`.Callback.restore`."""
        self.seen = state["seen"]
