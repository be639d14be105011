"""Scores of single dates, averaged over dates."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError
from numpy.typing import NDArray

from .metric import Array, Field, Metric

AnyDateMean = TypeVar("AnyDateMean", bound="DateMean")


class DateMean(Metric):
    """A metric that is the mean over dates of a score that each date has by itself.

    A subclass defines :meth:`score`, and nothing else; or also :meth:`reduce`, where the score follows from
    the means of several numbers.

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
        """Score the forecast from one date; arguments as for :meth:`update`.

        Returns
        -------
        Array
            ``(lead times, outputs)``, or ``(lead times, outputs, ...)`` for :meth:`reduce`.
        """

    def reduce(self, mean: Array) -> Array:
        """Bring the mean over dates of what :meth:`score` gives to one number each, or NaN where that is.

        Returns
        -------
        Array
            ``(lead times, outputs)``.
        """
        return mean

    def update(self, forecast: Field, truth: Field, climatology: Field) -> None:
        """See :meth:`Metric.update`.

        Raises
        ------
        DataError
            If the forecast has fewer members than :attr:`least_members`.
        """
        if forecast.shape[1] < self.least_members:
            raise DataError(f"{type(self).__name__} is defined for {self.least_members} members or more.")
        known = np.asarray(~np.isnan(truth).all(axis=1))  # (lead times, outputs)
        score = self.score(forecast, truth, climatology)
        self._add(np.where(_broadcast(known, score), score, 0.0), known)

    def merge(self: AnyDateMean, other: AnyDateMean) -> None:
        """See :meth:`Metric.merge`."""
        self._add(other._sum, other._dates)

    def over_dates(self) -> Array:
        """The mean over dates of what :meth:`score` gives; NaN where there was no truth."""
        none, dates = np.full_like(self._sum, np.nan), _broadcast(self._dates, self._sum)
        return np.asarray(np.divide(self._sum, dates, out=none, where=dates > 0))

    def compute(self) -> Array:
        """See :meth:`Metric.compute`."""
        if not self._dates.any():
            return np.full(self._dates.shape, np.nan)
        return self.reduce(self.over_dates())

    def _add(self, total: Array, dates: NDArray[Any]) -> None:
        """Add a sum over some dates; that over none may lack the last axes, which the first date decides."""
        if total.ndim > self._sum.ndim:
            self._sum = np.zeros_like(total)
        if total.ndim == self._sum.ndim:
            self._sum += total
        self._dates += dates


def _broadcast(each: NDArray[Any], like: Array) -> NDArray[Any]:
    """Bring ``(lead times, outputs)`` to the shape of an array with more axes."""
    more = each.reshape(each.shape + (1,) * (like.ndim - each.ndim))
    return np.broadcast_to(more, like.shape)
