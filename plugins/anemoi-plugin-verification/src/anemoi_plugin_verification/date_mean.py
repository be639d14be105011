"""Scores of single dates, averaged over dates."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from .metric import Array, Field, Metric

AnyDateMean = TypeVar("AnyDateMean", bound="DateMean")


class DateMean(Metric):
    """A metric that is the mean over dates of a score that each date has by itself.

    A subclass defines :meth:`score`, and nothing else.

    Parameters
    ----------
    domain, lead_times
        As for every :class:`Metric`.
    """

    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64]) -> None:
        self.areas = domain.grid.areas
        shape = (len(lead_times), len(domain.outputs))
        self._sum, self._dates = np.zeros(shape), np.zeros(shape, np.int64)

    @abstractmethod
    def score(self, forecast: Field, truth: Field, climatology: Field) -> Array:
        """Score the forecast from one date, ``(lead times, outputs)``; arguments as for :meth:`update`."""

    def update(self, forecast: Field, truth: Field, climatology: Field) -> None:
        """See :meth:`Metric.update`.

        Raises
        ------
        DataError
            If the forecast has fewer members than :attr:`least_members`.
        """
        if forecast.shape[1] < self.least_members:
            raise DataError(f"{type(self).__name__} is defined for {self.least_members} members or more.")
        known = ~np.isnan(truth).all(axis=1)  # (lead times, outputs)
        self._sum += np.where(known, self.score(forecast, truth, climatology), 0.0)
        self._dates += known

    def merge(self: AnyDateMean, other: AnyDateMean) -> None:
        """See :meth:`Metric.merge`."""
        self._sum += other._sum
        self._dates += other._dates

    def compute(self) -> Array:
        """See :meth:`Metric.compute`."""
        none = np.full_like(self._sum, np.nan)
        return np.divide(self._sum, self._dates, out=none, where=self._dates > 0)
