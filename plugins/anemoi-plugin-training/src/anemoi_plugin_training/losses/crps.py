"""The continuous ranked probability score of an ensemble."""

from __future__ import annotations

from anemoi.core.domain import Domain
from anemoi.core.errors import ConfigError
from torch import Tensor

from ..interfaces.loss import Loss


class ContinuousRankedProbabilityScore(Loss):
    """The almost fair CRPS, in each cell, of members against the truth.

    For members x and truth y it is

        mean_i |x_i - y| - (1 - e) / (2 M (M - 1)) sum_ij |x_i - x_j|   with   e = (1 - alpha) / M

    The fair score (``alpha: 1``) is unbiased by the number of members M (Zamo and Naveau, "Estimation of the
    continuous ranked probability score with limited information and applications to ensemble weather
    forecasts", 2018), but leaves one member free wherever all others agree with the truth. A little of the
    biased score (``alpha: 0``) takes that freedom away (Lang et al., "AIFS-CRPS", arXiv:2412.15832, 2024).
    With one member it is the absolute error. Where the truth has members too, it is the mean over them.

    Parameters
    ----------
    domain
        As for every :class:`.Loss`.
    alpha
        The share of the fair score, within [0, 1].

    Raises
    ------
    ConfigError
        If ``alpha`` is not within [0, 1].
    """

    def __init__(self, *, domain: Domain, alpha: float = 0.95) -> None:
        super().__init__(domain=domain)
        if not 0 <= alpha <= 1:
            raise ConfigError(f"alpha is {alpha:g}.", fix="Choose one from 0 (biased) to 1 (fair).")
        self.alpha = alpha

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        scores = [self._score(prediction - truth.unsqueeze(2)) for truth in target.unbind(2)]
        score = sum(scores[1:], scores[0]) / len(scores)  # (batch, time, grid, outputs)
        return (weights.squeeze(2) * score).mean()

    def _score(self, error: Tensor) -> Tensor:
        """The score in each cell; ``error`` is ``(batch, time, ensemble, grid, outputs)``."""
        members = error.shape[2]
        if members == 1:
            return error.abs().squeeze(2)
        # In order of size, sum_ij |x_i - x_j| / 2 is sum_i (2 i - M - 1) x_i: M numbers instead of M^2, and
        # no term of the mean below is negative, so nothing cancels where errors are small.
        ordered = error.sort(dim=2).values
        rank = ordered.new_tensor(range(1 - members, members, 2)).view(-1, 1, 1)
        fairness = 1 - (1 - self.alpha) / members
        return (ordered.abs() - fairness / (members - 1) * rank * ordered).mean(dim=2)
