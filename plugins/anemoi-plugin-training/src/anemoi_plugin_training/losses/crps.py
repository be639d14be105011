"""The continuous ranked probability score of an ensemble."""

from __future__ import annotations

from torch import Tensor

from .over_members import OverMembers


class ContinuousRankedProbabilityScore(OverMembers):
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

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """See :meth:`.Loss.forward`."""
        score = self.crps(prediction, target)  # (batch, time, grid, outputs)
        return (weights.squeeze(2) * score).mean()
