"""Checks of a verification that are made before anything is computed."""

from __future__ import annotations

import numpy as np
from anemoi.core.domain import Domain
from anemoi.core.errors import DataError, NotThereError, RequestError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date
from numpy.typing import NDArray

from .evaluation import Metrics


def check_fits(domain: Domain, source: DataSource) -> None:
    """Check that data have what a domain forecasts, on its grid.

    Raises
    ------
    DataError
        If not.
    """
    fix = "Name the data that the model is to be verified against with --source."
    if absent := [name for name in domain.outputs if name not in source.variables]:
        raise DataError(
            f"The data have no {', '.join(absent)}, which the checkpoint forecasts; "
            f"they have {', '.join(source.variables)}.",
            fix=fix,
        )
    if not domain.grid.matches(source.grid):
        raise DataError(
            f"The data are on another grid, of {len(source.grid)} points, than the {len(domain.grid)} "
            "of the checkpoint, or in another order.",
            fix=fix,
        )


def check_metrics(metrics: Metrics, domain: Domain, leads: NDArray[np.timedelta64], members: int) -> None:
    """Build the metrics once, and refuse one that is not defined for so few members.

    Raises
    ------
    AnemoiError
        If an option will not do, or there are too few members.
    """
    for name, build in metrics.items():
        least = build(domain=domain, lead_times=leads).least_members
        if members < least:
            raise RequestError(
                f"The metric {name}, with its options, is defined for {least} members or more; "
                f"{'one is' if members == 1 else f'{members} are'} forecast.",
                fix=f"Forecast more (--members {max(least, 8)}), from an objective, a source or a "
                "perturbation whose members differ; or leave it out.",
            )


def check_truth(source: DataSource, times: Times) -> None:
    """Refuse a forecast to draw whose truth is not there.

    Raises
    ------
    NotThereError
        If it is not.
    """
    absent = [time for time in times if time not in source.times or time in source.missing]
    if absent:
        raise NotThereError(
            f"The data have no state at {format_date(absent[0])}, which the map would show.",
            fix="Choose another --map-date, or leave it out: then a typical forecast is drawn.",
        )
