"""Scores of an ensemble against the truth: pure functions over numpy arrays.

Members are ``(..., member, grid, variable)``, the truth ``(..., grid, variable)`` and the cell areas
``(grid,)``; scores are ``(..., variable)`` float64. Cells where the truth is NaN are left out, as in
:mod:`.formulas`, which has the continuous ranked probability score.
"""

from __future__ import annotations

import numpy as np

from .formulas import Array, Field, area_mean


def ensemble_variance(members: Field, truth: Field, areas: Array) -> Array:
    """Area mean of the variance that a reliable ensemble has as its mean-square error, ``(..., variable)``.

    With the unbiased variance ``s^2`` of the M members in each cell::

        mean((M + 1) / M s^2)

    The mean of M members is itself uncertain by ``s^2 / M``, so that the squared error of the mean of a
    reliable ensemble is larger than its variance by that (Fortin et al., "Why should ensemble spread match
    the RMSE of the ensemble mean?", 2014, eq. 15). There must be two members.
    """
    count = members.shape[-3]
    variance = members.astype(np.float64).var(axis=-3, ddof=1)
    return area_mean((count + 1) / count * variance, areas, ~np.isnan(truth))


def energy_score(members: Field, truth: Field, areas: Array, *, fair: bool = False) -> Array:
    """Energy score of the whole field of each variable, ``(..., variable)``.

    With the norm ``|x| = sqrt(mean(x^2))``, the mean over the grid::

        mean_i |x_i - t| - sum_ij |x_i - x_j| / (2 n)   with   n = M^2, or M (M - 1) for the fair score

    It is the continuous ranked probability score for fields, and sees whether the patterns of members are
    those of the truth (Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation",
    2007, eq. 22). Of one member it is the root-mean-square error. The fair one needs two members.
    """
    error = members.astype(np.float64) - truth[..., None, :, :]
    count, where = error.shape[-3], ~np.isnan(truth)
    score = np.sqrt(area_mean(error**2, areas, np.broadcast_to(where[..., None, :, :], error.shape))).mean(-2)
    pairs = np.zeros_like(score)
    for apart in range(1, count):
        between = error[..., apart:, :, :] - error[..., :-apart, :, :]
        known = np.broadcast_to(where[..., None, :, :], between.shape)
        pairs += np.sqrt(area_mean(between**2, areas, known)).sum(axis=-2)
    return np.asarray(score - pairs / (count * (count - 1 if fair else count)))


def exceeds(field: Field, threshold: Field) -> Array:
    """Whether values are above a threshold, one or zero; NaN where either is NaN."""
    known = ~(np.isnan(field) | np.isnan(threshold))
    return np.where(known, field > threshold, np.nan)


def brier(members: Field, truth: Field, threshold: Field, areas: Array, *, fair: bool = False) -> Array:
    """Brier score of the event that a value is above a threshold, ``(..., variable)`` from 0 to 1.

    With the share ``p`` of members above it, and ``o`` one where the truth is, zero elsewhere::

        mean((p - o)^2 - p (1 - p) / (M - 1))

    without the last term for the score of these members (Brier, "Verification of forecasts expressed in
    terms of probability", 1950), with it for the fair one, which estimates that of an infinite ensemble
    (Ferro, "Fair scores for ensemble forecasts", 2014) and needs two members.

    Parameters
    ----------
    members, truth, areas
        As in the other scores.
    threshold
        ``(..., grid, variable)``, or what can be broadcast to that.
    fair
        Whether to take the fair score.
    """
    threshold = np.broadcast_to(threshold, truth.shape).astype(np.float64)
    probability = exceeds(members.astype(np.float64), threshold[..., None, :, :]).mean(axis=-3)
    score = (probability - exceeds(truth, threshold)) ** 2
    if fair:
        score = score - probability * (1 - probability) / (members.shape[-3] - 1)
    return area_mean(score, areas, ~np.isnan(truth))
