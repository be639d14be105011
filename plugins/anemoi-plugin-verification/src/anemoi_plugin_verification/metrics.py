"""Scores of one field against another: pure functions over numpy arrays.

Every function takes fields ``(..., grid, variable)`` and the cell areas ``(grid,)`` in any unit,
takes the mean over the grid in float64, and keeps the other axes: ``(..., variable)``.

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


def area_mean(field: Field, areas: Array) -> Array:
    """Take the mean over the grid, each cell counted by its area: ``sum(a x) / sum(a)``.

    Parameters
    ----------
    field
        ``(..., grid, variable)``.
    areas
        ``(grid,)``.

    Returns
    -------
    Array
        ``(..., variable)`` float64.
    """
    weights = areas / areas.sum()
    return np.asarray(np.einsum("...gv,g->...v", field.astype(np.float64, copy=False), weights))


def bias(forecast: Field, truth: Field, areas: Array) -> Array:
    """Mean error ``mean(f - t)``, ``(..., variable)``: positive where the forecast is too high."""
    return area_mean(forecast.astype(np.float64) - truth, areas)


def rmse(forecast: Field, truth: Field, areas: Array) -> Array:
    """Root-mean-square error ``sqrt(mean((f - t)^2))``, ``(..., variable)``.

    The root is taken of each area mean, so that the scores of several forecasts are averaged
    after the root and not before it.
    """
    return np.sqrt(area_mean((forecast.astype(np.float64) - truth) ** 2, areas))


def anomaly_correlation(forecast: Field, truth: Field, climatology: Field, areas: Array) -> Array:
    """Anomaly correlation coefficient, centred, ``(..., variable)`` between -1 and 1.

    With the anomalies ``f' = f - c`` and ``t' = t - c``, each less its own area mean::

        mean(f' t') / sqrt(mean(f'^2) mean(t'^2))

    It asks whether the patterns agree, whatever their amplitude and mean error (WMO-No. 485;
    Wilks, "Statistical Methods in the Atmospheric Sciences", section on the anomaly correlation).
    It is not a number where one of the anomalies is the same everywhere, as for a forecast of the
    climatology itself.
    """
    f = forecast.astype(np.float64) - climatology
    t = truth.astype(np.float64) - climatology
    f = f - area_mean(f, areas)[..., None, :]
    t = t - area_mean(t, areas)[..., None, :]
    covariance = area_mean(f * t, areas)
    spread = np.sqrt(area_mean(f**2, areas) * area_mean(t**2, areas))
    return np.divide(covariance, spread, out=np.full_like(covariance, np.nan), where=spread > 0)


def skill_score(error: Array, reference: Array) -> Array:
    """How much of the error of a reference forecast is gone, ``1 - error / reference``.

    One is perfect, zero no better than the reference, negative worse (Wilks, the generic skill
    score, for an error whose perfect value is zero). It is not a number where the reference is perfect.
    """
    error, reference = np.asarray(error, np.float64), np.asarray(reference, np.float64)
    return 1.0 - np.divide(error, reference, out=np.full_like(error, np.nan), where=reference > 0)
