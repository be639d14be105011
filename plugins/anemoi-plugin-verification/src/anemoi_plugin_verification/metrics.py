"""The metrics that this plugin brings: the formulas of one date, averaged over dates."""

from __future__ import annotations

import numpy as np
from anemoi.core.domain import Domain
from numpy.typing import NDArray

from .date_mean import DateMean
from .formulas import anomaly_correlation, bias, crps, rmse
from .metric import Array, Field


def ensemble_mean(forecast: Field) -> Array:
    """The mean over members, ``(lead times, grid, outputs)`` float64."""
    return np.asarray(forecast.astype(np.float64).mean(axis=1))


class RootMeanSquareError(DateMean):
    """Root-mean-square error of the ensemble mean, the mean over dates of the root of the area mean."""

    perfect = 0.0
    better = "lower"
    in_units = True

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.formulas.rmse`."""
        return rmse(ensemble_mean(forecast), truth, self.areas)


class Bias(DateMean):
    """Mean of the ensemble mean less the truth: positive where forecasts are too high."""

    perfect = 0.0
    better = "nearer"
    in_units = True

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.formulas.bias`."""
        return bias(ensemble_mean(forecast), truth, self.areas)


class AnomalyCorrelation(DateMean):
    """Centred correlation of ensemble mean and truth, each less climatology; the mean over dates."""

    perfect = 1.0
    better = "higher"

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.formulas.anomaly_correlation`."""
        return anomaly_correlation(ensemble_mean(forecast), truth, climatology, self.areas)


class ContinuousRankedProbabilityScore(DateMean):
    """Continuous ranked probability score of the members; of one member, the mean absolute error.

    Parameters
    ----------
    domain, lead_times
        As for every :class:`.Metric`.
    fair
        Whether to estimate the score of an infinite ensemble instead of that of these members, so that
        ensembles of different sizes can be compared; it needs two members.
    """

    perfect = 0.0
    better = "lower"
    in_units = True

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64], fair: bool = False) -> None:
        super().__init__(domain=domain, lead_times=lead_times)
        self.fair = fair
        self.least_members = 2 if fair else 1

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.formulas.crps`."""
        return crps(forecast, truth, self.areas, fair=self.fair)
