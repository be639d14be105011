"""How the learning rate changes during a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar


class Schedule(ABC):
    """Gives the learning rate of each optimisation step, as a share of the highest.

    A subclass takes ``steps`` and ``warmup_steps``, and its own options after them, each with a type and a
    default; the options are what a user writes under ``schedule``.

    Parameters
    ----------
    steps
        How many optimisation steps the training has, one or more.
    warmup_steps
        Over how many of them the learning rate grows at first; zero or more, and maybe more than ``steps``.

    Raises
    ------
    ConfigError
        If the options do not fit.
    """

    needs_validation: ClassVar[bool] = False
    """Whether it follows validations; a training without validation refuses it."""

    @abstractmethod
    def __init__(self, *, steps: int, warmup_steps: int) -> None: ...

    @abstractmethod
    def factor(self, step: int) -> float:
        """Give the learning rate of a step over the highest, within [0, 1].

        Parameters
        ----------
        step
            Counted from zero. Steps may be asked for in any order, and after the last.
        """

    def validated(self, cost: float) -> None:  # noqa: B027
        """Take note of a validation; does nothing by default.

        Parameters
        ----------
        cost
            The value of ``training.validation.metric``, the validation loss by default. The lower the better:
            of a metric whose higher values are better it is the negative.
        """

    def state(self) -> dict[str, float]:
        """All that it has learned from validations, for a training that goes on later; nothing by default."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:  # noqa: B027
        """Take up the :meth:`state` of another with the same options."""
