"""The same learning rate throughout."""

from __future__ import annotations

from .warmed_up import WarmedUp


class Constant(WarmedUp):
    """From zero up a straight line, and no change after that.

    Parameters
    ----------
    steps, warmup_steps
        As for every :class:`.Schedule`.
    """

    def after_warmup(self, done: float) -> float:
        """See :meth:`.WarmedUp.after_warmup`."""
        return 1.0
