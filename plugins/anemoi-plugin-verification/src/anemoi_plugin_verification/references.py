"""What the references of a verification are made from: states of the past, and earlier forecasts."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from anemoi.core.checkpoint import Checkpoint
from anemoi.core.domain import Domain
from anemoi.core.forecasting.needs import needs
from anemoi.core.interfaces.data_source import DataSource

from .climatology import Climatology, climatology
from .past_states import PastStates
from .period import Offsets, Period


def past_period(
    source: DataSource, training: Period | None, test: Period, *, of_its_own: bool
) -> Period | None:
    """Find the period whose states are the climatology; None if the source has none of the training period.

    Parameters
    ----------
    source
        Of the states.
    training
        It, where it is known and the source has states of it.
    test
        It ends before this where the training period is not known.
    of_its_own
        Whether the source has no other purpose: then all of it is taken in the place of the training period.
    """
    if training is not None and _has_states(source, training):
        return training
    if of_its_own:
        return Period(source.times[0], source.times[-1])
    return Period(source.times[0], test.start - source.frequency) if training is None else None


def _has_states(source: DataSource, period: Period) -> bool:
    within = (source.times >= period.start) & (source.times <= period.end)
    return bool(set(source.times[within].tolist()) - {time.tolist() for time in source.missing})


def mean_state(domain: Domain, source: DataSource, period: Period) -> Climatology:
    """Take the climatology of a domain.

    Raises
    ------
    DataError
        If the source has no state in the period.
    """
    missing = [name for name in domain.outputs if domain[name].may_be_missing]
    return climatology(source, domain.outputs, period.start, period.end, may_be_missing=missing)


def past_states(domain: Domain, source: DataSource, period: Period | None, members: int) -> PastStates | None:
    """Give the climatological ensemble of a domain, for a forecast of several members; else None.

    Raises
    ------
    DataError
        If the source has fewer than two states in the period.
    """
    if period is None or members == 1:
        return None
    missing = [name for name in domain.outputs if domain[name].may_be_missing]
    return PastStates(source, domain.outputs, period, members, may_be_missing=missing)


def lagged_offsets(
    checkpoint: Checkpoint, name: str, count: int, persist: Collection[str], lagged: int
) -> Offsets:
    """When a source must have states for the forecasts of a lagged ensemble, relative to the start.

    Parameters
    ----------
    name
        Of the domain.
    count
        How many steps the forecast from the start takes.
    persist
        Forcings that keep the value that they have at the start of each forecast.
    lagged
        How many forecasts, the one from the start among them.
    """
    steps = checkpoint.steps[name]
    offsets = {
        offset - earlier * steps.step
        for earlier in range(lagged)
        for need in needs(checkpoint.domains[name], steps, count + earlier, persist)
        for offset in need.offsets
    }
    return np.array(sorted(offsets), "timedelta64[s]")
