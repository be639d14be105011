"""Scores of an ensemble against the truth: pure functions over numpy arrays.

Members are ``(..., member, grid, variable)``, the truth ``(..., grid, variable)`` and the cell areas
``(grid,)``; the mean over the grid is taken in float64 and the other axes are kept, ``(..., variable)``.
Cells where the truth is NaN are left out, and a NaN of a member elsewhere makes the score NaN, as in
:mod:`.formulas`, which has the continuous ranked probability score.
"""

from __future__ import annotations

import numpy as np

from .formulas import Array, Field, Mask, area_mean


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
    score = _norm(error, where, areas).mean(axis=-2)
    pairs = np.zeros_like(score)
    for apart in range(1, count):
        pairs += _norm(error[..., apart:, :, :] - error[..., :-apart, :, :], where, areas).sum(axis=-2)
    return np.asarray(score - pairs / (count * (count - 1 if fair else count)))


def _norm(fields: Field, where: Mask, areas: Array) -> Array:
    """Root-mean-square over the grid of fields ``(..., member, grid, variable)``."""
    return np.sqrt(area_mean(fields**2, areas, np.broadcast_to(where[..., None, :, :], fields.shape)))


def rank_frequencies(members: Field, truth: Field, areas: Array) -> Array:
    """How often the truth has each rank among the members, ``(..., variable, M + 1)``, in shares of the area.

    Rank 0 is below all members. Where the truth equals some members, as without precipitation, all ranks
    that it may have share the cell (Hamill, "Interpretation of rank histograms for verifying ensemble
    forecasts", 2001, who draws one of them by lot). The ranks of a reliable ensemble are equally frequent.
    """
    members, where = members.astype(np.float64), ~np.isnan(truth)
    observed = truth[..., None, :, :]
    below, equal = (members < observed).sum(axis=-3), (members == observed).sum(axis=-3)
    unknown = _unknown(members, where)
    shares = [
        area_mean(((below <= rank) & (rank <= below + equal)) / (equal + 1.0), areas, where)
        for rank in range(members.shape[-3] + 1)
    ]
    return np.where(unknown[..., None], np.nan, np.stack(shares, axis=-1))


def event_frequencies(members: Field, truth: Field, threshold: Field, areas: Array) -> Array:
    """How often each number of members is above a threshold, and the truth with it.

    Parameters
    ----------
    members, truth, areas
        As in the other scores.
    threshold
        ``(..., grid, variable)``, or what can be broadcast to that.

    Returns
    -------
    Array
        ``(..., variable, 2, M + 1)``, shares of the area: of the cells where so many of the M members are
        above it, and of those among them where the truth is.
    """
    threshold = np.broadcast_to(threshold, truth.shape).astype(np.float64)
    members, where = members.astype(np.float64), ~np.isnan(truth)
    above = (members > threshold[..., None, :, :]).sum(axis=-3)
    happened = truth > threshold
    unknown = _unknown(members, where) | (np.isnan(threshold) & where).any(axis=-2)
    forecast = [above == number for number in range(members.shape[-3] + 1)]
    shares = [
        np.stack([area_mean(each, areas, where) for each in (cells, cells & happened)], axis=-1)
        for cells in forecast
    ]
    return np.where(unknown[..., None, None], np.nan, np.stack(shares, axis=-1))


def _unknown(members: Array, where: Mask) -> Mask:
    """Whether a member is NaN in a cell that counts, ``(..., variable)``."""
    return np.asarray((np.isnan(members).any(axis=-3) & where).any(axis=-2))


def brier(frequencies: Array, *, fair: bool = False) -> Array:
    """Brier score from the frequencies of an event, ``(...)`` from 0 to 1.

    With the share ``p`` of members that forecast the event, and ``o`` one where it happens, zero elsewhere::

        mean((p - o)^2 - p (1 - p) / (M - 1))

    without the last term for the score of these members (Brier, "Verification of forecasts expressed in
    terms of probability", 1950), with it for the fair one, which estimates that of an infinite ensemble
    (Ferro, "Fair scores for ensemble forecasts", 2014) and needs two members.

    Parameters
    ----------
    frequencies
        ``(..., 2, M + 1)`` of :func:`event_frequencies`, or their mean over dates.
    fair
        Whether to take the fair score.
    """
    forecast, happened = frequencies[..., 0, :], frequencies[..., 1, :]
    count = forecast.shape[-1] - 1
    p = np.arange(count + 1) / count
    score = forecast * p**2 + happened * (1 - 2 * p)  # o is 0 or 1, so that (p - o)^2 = p^2 + o (1 - 2 p)
    if fair:
        score = score - forecast * p * (1 - p) / (count - 1)
    return np.asarray(score.sum(axis=-1))
