"""The metrics of ensembles that this plugin brings, besides the continuous ranked probability score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from anemoi.core.domain import Domain
from numpy.typing import NDArray

from .date_mean import DateMean
from .ensemble_formulas import brier, energy_score, ensemble_variance, event_frequencies, rank_frequencies
from .events import Events
from .formulas import rmse
from .metric import Array, Field
from .metrics import FairScore, ensemble_mean


class Spread(DateMean):
    """Root of the mean variance of members, by (M + 1) / M: that of a reliable ensemble is its RMSE.

    The root is taken after the mean over dates (Fortin et al., 2014).
    """

    in_units = True
    least_members = 2

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.ensemble_variance`."""
        return ensemble_variance(forecast, truth, self.areas)

    def reduce(self, mean: Array) -> Array:
        """Take the root."""
        return np.sqrt(mean)


class SpreadSkill(DateMean):
    """Spread over the root-mean-square error of the ensemble mean: below 1 where members are too alike.

    Both roots are taken after the mean over dates (Fortin et al., 2014).
    """

    least_members = 2

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """Give the variance and the mean-square error, ``(lead times, outputs, 2)``."""
        error = rmse(ensemble_mean(forecast), truth, self.areas)
        return np.stack([ensemble_variance(forecast, truth, self.areas), error**2], axis=-1)

    def reduce(self, mean: Array) -> Array:
        """Take the root of their ratio; NaN where the mean is without error."""
        variance, error = mean[..., 0], mean[..., 1]
        ratio = np.divide(variance, error, out=np.full_like(error, np.nan), where=error > 0)
        return np.sqrt(ratio)


class EnergyScore(FairScore):
    """Energy score of the field: the CRPS of whole patterns; of one member, the root-mean-square error.

    Parameters
    ----------
    domain, lead_times, fair
        As for :class:`.FairScore`.
    """

    in_units = True

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.energy_score`."""
        return energy_score(forecast, truth, self.areas, fair=self.fair)


class RankHistogram(DateMean):
    """How far the ranks of the truth among the members are from equally frequent: 0 is flat.

    It is the sum over ranks of the distance of their frequency from 1 / (M + 1), the reliability index of
    Delle Monache et al. ("Probabilistic aspects of meteorological and ozone regional ensemble forecasts",
    2006). Few and dependent cases alone make it larger than 0.
    """

    perfect = 0.0

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.rank_frequencies`."""
        return rank_frequencies(forecast, truth, self.areas)

    def reduce(self, mean: Array) -> Array:
        """Take the index."""
        return np.asarray(np.abs(mean - 1 / mean.shape[-1]).sum(axis=-1))

    def details(self) -> Mapping[str, Array]:
        """Give the ``frequency`` of each rank, from below all members to above all."""
        mean = self.over_dates()
        return {"frequency": mean} if mean.ndim > 2 else {}


class BrierScore(FairScore):
    """Brier score of the event that a value is above a threshold.

    Parameters
    ----------
    domain, lead_times, fair
        As for :class:`.FairScore`.
    thresholds
        In the units of the data, by variable; of the others the event is to be above climatology.

    Raises
    ------
    ConfigError
        If a threshold is of no variable of the domain.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        lead_times: NDArray[np.timedelta64],
        fair: bool = False,
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(domain=domain, lead_times=lead_times, fair=fair)
        self.events = Events(domain.outputs, thresholds or {})

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.event_frequencies`."""
        return event_frequencies(forecast, truth, self.events.thresholds(climatology), self.areas)

    def reduce(self, mean: Array) -> Array:
        """See :func:`.ensemble_formulas.brier`."""
        return brier(mean, fair=self.fair)

    def details(self) -> Mapping[str, Array]:
        """Give the reliability of each probability that the members can have, from 0 to 1.

        ``forecast`` is the share of cases with it, ``observed`` the share of these in which the event
        happens, NaN where there are none.
        """
        mean = self.over_dates()
        if mean.ndim == 2:
            return {}
        forecast, happened = mean[..., 0, :], mean[..., 1, :]
        observed = np.divide(happened, forecast, out=np.full_like(happened, np.nan), where=forecast > 0)
        return {"forecast": forecast, "observed": observed}
