"""The difference between a forecast and the truth that a training makes small."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from anemoi.core.domain import Domain
from anemoi.core.interfaces.capability import Capability
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """Takes the outputs of one domain and the truth to one number: zero where equal, never negative.

    A score over members, such as the CRPS, is zero where every member equals the truth. It is NaN where the
    prediction is, so that a model that has diverged does not look good. Scalers decide how much each error
    counts; a loss decides what an error is. It may read names, levels, latitudes and areas from the domain,
    and precompute anything from them, as buffers.

    A subclass takes ``domain``, and its own options after it, each with a type and a default; the options are
    what a user writes under ``loss``.

    Parameters
    ----------
    domain
        The variables and the grid, normalised. Errors are of ``domain.outputs``.

    Raises
    ------
    ConfigError
        If the domain is not one that it is defined on.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    """What it declares beyond this contract; see :class:`anemoi.core.interfaces.Capability`."""

    least_members: int = 1
    """How many members an objective has to train of each sample, at least, for it to say what is better. It
    is defined for one all the same."""

    scores_members: bool = False
    """Whether it is a score over members, which is better where they are as far apart as they should be. Any
    other makes all members of a sample the same, so an objective that trains several is refused with it."""

    least_at_mean: bool = False
    """Whether of all predictions the mean of what the truth may be has the least expected loss, as for a
    squared error. An objective whose network has to give means is refused with any other."""

    @abstractmethod
    def __init__(self, *, domain: Domain) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Compute the loss.

        Parameters
        ----------
        prediction
            ``(batch, time, ensemble, grid, outputs)``, normalised.
        target
            The truth, never NaN: ``(batch, time, ensemble, grid, outputs)`` with as many members as the
            prediction, or with one that is the truth of them all.
        weights
            How much an error counts: zero or more, ``(batch, time, 1, grid, outputs)``, or one in place of
            the size of an axis along which they do not vary. A pointwise loss is the mean of weights times
            error over all axes. Nothing may depend on the prediction where they are zero.

        Returns
        -------
        Tensor
            A scalar, float32.
        """
