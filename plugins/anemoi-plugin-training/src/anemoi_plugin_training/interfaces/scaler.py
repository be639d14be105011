"""How much each error counts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Literal

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.steps import Steps
from torch import Tensor

Axis = Literal["batch", "time", "grid", "variable"]

AXES: Final[tuple[Axis, ...]] = ("batch", "time", "grid", "variable")
"""The axes along which weights can vary, in order."""


class Scaler(ABC):
    """Gives weights over some axes of the outputs of one domain; those of all scalers are multiplied.

    A scaler that shares out importance (by area, by variable) has weights of mean one, so that none of them
    changes the learning rate; one that changes the unit of an error (to that of a tendency) does not.

    A subclass takes ``domain`` and ``steps``, and its own options after them, each with a type and a default;
    the options are what a user writes under ``scalers``.

    Parameters
    ----------
    domain
        The variables and the grid, normalised. Weights are of ``domain.outputs``.
    steps
        When the outputs of one forecast step lie.

    Raises
    ------
    ConfigError
        If the options do not go with the domain.
    """

    axes: tuple[Axis, ...]
    """The axes along which its weights vary, in the order of :data:`AXES`.

    Declared by the class; one that finds nothing to do in its domain may set ``()`` on itself. Weights
    without ``batch`` and ``time`` are computed once; with ``time``, once for each step of a rollout; with
    ``batch``, for every target.
    """

    @abstractmethod
    def __init__(self, *, domain: Domain, steps: Steps) -> None: ...

    @property
    def unmatched(self) -> frozenset[str]:
        """The names in its options that match nothing in this domain; an error if no domain has them."""
        return frozenset()

    @abstractmethod
    def weights(self, target: Tensor | None, lead_times: tuple[np.timedelta64, ...]) -> Tensor:
        """Compute the weights.

        Parameters
        ----------
        target
            ``(batch, time, ensemble, grid, outputs)``, NaN where there is no truth; None unless the axes have
            ``batch``.
        lead_times
            When each output lies, counted from the beginning of the first step.

        Returns
        -------
        Tensor
            Zero or more, float32, with exactly the axes that ``axes`` names, in their order; on the device of
            the target if there is one.
        """
