"""The metrics of ensembles that this plugin brings, besides the continuous ranked probability score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
from anemoi.core.domain import Domain
from numpy.typing import NDArray

from .date_mean import DateMean
from .ensemble_formulas import brier, energy_score, ensemble_variance
from .events import Events
from .formulas import rmse
from .metric import Array, Field
from .metrics import ensemble_mean

AnySpreadSkill = TypeVar("AnySpreadSkill", bound="SpreadSkill")


class Spread(DateMean):
    """Root of the mean variance of members, by (M + 1) / M: that of a reliable ensemble is its RMSE.

    The root is taken after the mean over dates (Fortin et al., 2014).
    """

    in_units = True
    least_members = 2

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.ensemble_variance`."""
        return ensemble_variance(forecast, truth, self.areas)

    def compute(self) -> Array:
        """See :meth:`.Metric.compute`."""
        return np.sqrt(super().compute())


class SpreadSkill(DateMean):
    """Spread over the root-mean-square error of the ensemble mean: below 1 where members are too alike.

    Both roots are taken after the mean over dates (Fortin et al., 2014).
    """

    least_members = 2

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64]) -> None:
        super().__init__(domain=domain, lead_times=lead_times)
        self._error = _MeanSquareError(domain=domain, lead_times=lead_times)

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.ensemble_variance`."""
        return ensemble_variance(forecast, truth, self.areas)

    def update(self, forecast: Field, truth: Field, climatology: Field) -> None:
        """See :meth:`.Metric.update`."""
        super().update(forecast, truth, climatology)
        self._error.update(forecast, truth, climatology)

    def merge(self: AnySpreadSkill, other: AnySpreadSkill) -> None:
        """See :meth:`.Metric.merge`."""
        super().merge(other)
        self._error.merge(other._error)

    def compute(self) -> Array:
        """See :meth:`.Metric.compute`; NaN where the mean is without error."""
        variance, error = super().compute(), self._error.compute()
        return np.sqrt(np.divide(variance, error, out=np.full_like(error, np.nan), where=error > 0))


class _MeanSquareError(DateMean):
    """Mean-square error of the ensemble mean."""

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        return rmse(ensemble_mean(forecast), truth, self.areas) ** 2


class _Fairly(DateMean):
    """A score that can be estimated for an infinite ensemble.

    Parameters
    ----------
    domain, lead_times
        As for every :class:`.Metric`.
    fair
        Whether to estimate the score of an infinite ensemble instead of that of these members.
    """

    perfect = 0.0
    better = "lower"

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64], fair: bool = False) -> None:
        super().__init__(domain=domain, lead_times=lead_times)
        self.fair = fair
        self.least_members = 2 if fair else 1


class EnergyScore(_Fairly):
    """Energy score of the field: the CRPS of whole patterns; of one member, the root-mean-square error."""

    in_units = True

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.energy_score`."""
        return energy_score(forecast, truth, self.areas, fair=self.fair)


class BrierScore(_Fairly):
    """Brier score of the event that a value is above a threshold.

    Parameters
    ----------
    domain, lead_times
        As for every :class:`.Metric`.
    fair
        Whether to estimate the score of an infinite ensemble instead of that of these members.
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
        self._events = Events(domain.outputs, thresholds or {})

    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """See :func:`.ensemble_formulas.brier`."""
        thresholds = self._events.thresholds(climatology)
        return brier(forecast, truth, thresholds, self.areas, fair=self.fair)
