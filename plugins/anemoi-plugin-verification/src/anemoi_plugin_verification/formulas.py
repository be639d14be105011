"""Scores of one field against another: pure functions over numpy arrays.

Every function takes fields ``(..., grid, variable)`` and the cell areas ``(grid,)`` in any unit,
takes the mean over the grid in float64, and keeps the other axes: ``(..., variable)``. Cells where
the truth is NaN are left out, and the areas of the others add up to the whole; a NaN of the forecast
elsewhere makes the score NaN.

The definitions are those of the World Meteorological Organization for exchanged scores (Manual on
the WMO Integrated Processing and Prediction System, WMO-No. 485, Appendix 2.2.34), with true cell
areas in the place of the cosine of latitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Field = NDArray[Any]
Mask = NDArray[np.bool_]


def area_mean(field: Field, areas: Array, where: Mask | None = None) -> Array:
    """Take the mean over the grid, each cell counted by its area: ``sum(a x) / sum(a)``.

    Parameters
    ----------
    field
        ``(..., grid, variable)``.
    areas
        ``(grid,)``.
    where
        Which cells count, in the shape of ``field``; all by default.

    Returns
    -------
    Array
        ``(..., variable)`` float64; NaN where no cell counts.
    """
    weights = areas / areas.sum()
    field = field.astype(np.float64, copy=False)
    if where is None or where.all():
        return np.asarray(np.einsum("...gv,g->...v", field, weights))
    total = np.einsum("...gv,g->...v", np.where(where, field, 0.0), weights)
    share = np.einsum("...gv,g->...v", where.astype(np.float64), weights)
    # The sum of all weights is one but for rounding, which must not reach variables without gaps.
    share[where.all(axis=-2)] = 1.0
    return np.asarray(np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0))


def bias(forecast: Field, truth: Field, areas: Array) -> Array:
    """Mean error ``mean(f - t)``, ``(..., variable)``: positive where the forecast is too high."""
    return area_mean(forecast.astype(np.float64) - truth, areas, ~np.isnan(truth))


def rmse(forecast: Field, truth: Field, areas: Array) -> Array:
    """Root-mean-square error ``sqrt(mean((f - t)^2))``, ``(..., variable)``.

    The root is taken of each area mean, so that the scores of several forecasts are averaged
    after the root and not before it.
    """
    return np.sqrt(area_mean((forecast.astype(np.float64) - truth) ** 2, areas, ~np.isnan(truth)))


def anomaly_correlation(forecast: Field, truth: Field, climatology: Field, areas: Array) -> Array:
    """Anomaly correlation coefficient, centred, ``(..., variable)`` between -1 and 1.

    With the anomalies ``f' = f - c`` and ``t' = t - c``, each less its own area mean::

        mean(f' t') / sqrt(mean(f'^2) mean(t'^2))

    It asks whether the patterns agree, whatever their amplitude and mean error (WMO-No. 485;
    Wilks, "Statistical Methods in the Atmospheric Sciences", section on the anomaly correlation).
    It is not a number where one of the anomalies is the same everywhere, as for a forecast of the
    climatology itself.
    """
    where = ~np.isnan(truth)
    f = forecast.astype(np.float64) - climatology
    t = truth.astype(np.float64) - climatology
    f = f - area_mean(f, areas, where)[..., None, :]
    t = t - area_mean(t, areas, where)[..., None, :]
    covariance = area_mean(f * t, areas, where)
    spread = np.sqrt(area_mean(f**2, areas, where) * area_mean(t**2, areas, where))
    return np.divide(covariance, spread, out=np.full_like(covariance, np.nan), where=spread > 0)


def crps(members: Field, truth: Field, areas: Array, *, fair: bool = False) -> Array:
    """Continuous ranked probability score of an ensemble, ``(..., variable)``.

    For the members ``x`` and the truth ``t`` in each cell, then averaged over the grid::

        mean_i |x_i - t| - sum_ij |x_i - x_j| / (2 n)   with   n = M^2, or M (M - 1) for the fair score

    The first is the score of the ensemble as it is (Hersbach, "Decomposition of the continuous ranked
    probability score for ensemble prediction systems", 2000), the fair one that of an infinite ensemble
    from which the M members are drawn (Ferro, "Fair scores for ensemble forecasts", 2014). Of one member
    both are the mean absolute error.

    Parameters
    ----------
    members
        ``(..., member, grid, variable)``.
    truth
        ``(..., grid, variable)``.
    areas
        ``(grid,)``.
    fair
        Whether to take the fair score.
    """
    error = members.astype(np.float64) - truth[..., None, :, :]
    count = error.shape[-3]
    score = np.abs(error).mean(axis=-3)
    if count > 1:
        # In order of size, sum_ij |x_i - x_j| / 2 is sum_i (2 i - M - 1) x_i: M numbers instead of M^2.
        rank = np.arange(1 - count, count, 2, dtype=np.float64)
        pairs = np.einsum("...mgv,m->...gv", np.sort(error, axis=-3), rank)
        score = score - pairs / (count * (count - 1 if fair else count))
    return area_mean(score, areas, ~np.isnan(truth))


def skill_score(error: Array, reference: Array) -> Array:
    """How much of the error of a reference forecast is gone, ``1 - error / reference``.

    One is perfect, zero no better than the reference, negative worse (Wilks, the generic skill
    score, for an error whose perfect value is zero). It is not a number where the reference is perfect.
    """
    error, reference = np.asarray(error, np.float64), np.asarray(reference, np.float64)
    return 1.0 - np.divide(error, reference, out=np.full_like(error, np.nan), where=reference > 0)
