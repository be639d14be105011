"""A score of forecasts: updated date by date, computed at the end, mergeable across processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from anemoi.core.domain import Domain
from numpy.typing import NDArray

Array = NDArray[np.float64]
Field = NDArray[Any]
Better = Literal["lower", "higher", "nearer"]

AnyMetric = TypeVar("AnyMetric", bound="Metric")


class Metric(ABC):
    """Scores the forecasts of one domain, one start date after another, in any order.

    What it keeps of a date must be of the size of a score, not of a field, so that a year of forecasts fits
    in memory. Dates may be shared out among processes: each has a metric of its own, which is pickled, and
    :meth:`merge` makes one of two, as if one had seen the dates of both. Everything is computed in float64.

    A subclass takes ``domain`` and ``lead_times``, and its own options after them, each with a type and a
    default; a user writes them as ``--metric-option NAME.KEY=VALUE``.

    Parameters
    ----------
    domain
        The variables and the grid, in the units of the data. Scores are of ``domain.outputs``, in that order;
        ``domain.grid.areas`` says how much of the globe each cell stands for.
    lead_times
        Those of every forecast, ``(lead times,)`` timedelta64[s].

    Raises
    ------
    ConfigError
        If the domain or the options are not such that it is defined.
    """

    perfect: ClassVar[float | None] = None
    """The score of a forecast whose every member is the truth; None if that has none."""

    better: ClassVar[Better | None] = None
    """Which of two scores is the better one: the lower, the higher, or the one nearer to ``perfect``.

    None if neither is, as for the spread of an ensemble. Where the lower one is, tables show the scores of
    persistence and climatology beside that of the model.
    """

    in_units: ClassVar[bool] = False
    """Whether scores have the units of the variable."""

    least_members: int = 1
    """How many members a forecast must have. Fewer are refused before any forecast is made.

    References of one state, such as persistence, count as so many members that are all the same.
    """

    @abstractmethod
    def __init__(self, *, domain: Domain, lead_times: NDArray[np.timedelta64]) -> None: ...

    @abstractmethod
    def update(self, forecast: Field, truth: Field, climatology: Field) -> None:
        """Take the forecast from one more date. The arrays are neither changed nor kept.

        Parameters
        ----------
        forecast
            ``(lead times, members, grid, outputs)``, float32 or float64. A NaN where there is truth makes
            the score NaN: a model that has diverged must not look good.
        truth
            ``(lead times, grid, outputs)``, NaN where there is none: such cells are left out, and a date
            without any truth is as if it had not been.
        climatology
            ``(lead times, grid, outputs)``, the mean state for each time; never NaN where there is truth.
        """

    @abstractmethod
    def merge(self: AnyMetric, other: AnyMetric) -> None:
        """Take all dates that another metric of the same options has seen; it is not changed."""

    @abstractmethod
    def compute(self) -> Array:
        """Give the scores over all dates so far, ``(lead times, outputs)`` float64; NaN without truth."""

    def details(self) -> Mapping[str, Array]:
        """Give what a score sums up, over all dates so far; nothing by default.

        Returns
        -------
        Mapping
            Arrays ``(lead times, outputs, ...)`` by name, as the frequencies of ranks; none before a date.
        """
        return {}
