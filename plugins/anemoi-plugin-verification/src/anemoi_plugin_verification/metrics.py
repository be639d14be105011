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


class FairScore(DateMean):
    """A score of these members, or if ``fair`` the estimate of that of an infinite ensemble.

    The fair one needs two members, and ensembles of different sizes can be compared by it.

    Parameters
    ----------
    domain, lead_times
        As for every :class:`.Metric`.
    fair
        Whether to take the fair score.
    """

    perfect = 0.0
    better = "lower"

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64], fair: bool = False) -> None:
        super().__init__(domain=domain, lead_times=lead_times)
        self.fair = fair
        self.least_members = 2 if fair else 1


class ContinuousRankedProbabilityScore(FairScore):
    """Continuous ranked probability score of the members; of one member, the mean absolute error.

    Parameters
    ----------
    domain, lead_times, fair
        As for :class:`FairScore`.
    """

    in_units = True

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.formulas.crps`."""
        return crps(forecast, truth, self.areas, fair=self.fair)
