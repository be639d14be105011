"""Fields of a data source, by the names of their variables."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date
from numpy.typing import NDArray


def read_fields(
    source: DataSource,
    variables: Sequence[str],
    times: Sequence[np.datetime64] | Times,
    *,
    may_be_missing: Collection[str] = (),
) -> NDArray[np.float64]:
    """Read some variables at some times, the mean over ensemble members.

    Parameters
    ----------
    may_be_missing
        Those that may be NaN.

    Returns
    -------
    NDArray
        ``(time, grid, variable)`` float64.

    Raises
    ------
    DataError
        If the source has not all the variables, or a value is not finite.
    """
    absent = [name for name in variables if name not in source.variables]
    if absent:
        raise DataError(
            f"The data have no {', '.join(absent)}.", fix=f"They have {', '.join(source.variables)}."
        )
    columns = [source.variables.index(name) for name in variables]
    fields = source.read(times)[..., columns].astype(np.float64).mean(axis=1)
    lawful = np.isnan(fields) & np.isin(variables, list(may_be_missing))
    refuse(~np.isfinite(fields) & ~lawful, variables, "The data", times)
    return np.asarray(fields)


def refuse(
    gaps: NDArray[np.bool_], variables: Sequence[str], what: str, times: Sequence[np.datetime64] | Times
) -> None:
    """Raise a :class:`DataError` that names the first variable and time with a gap.

    Parameters
    ----------
    gaps
        Where values are not finite that should be, ``(time, grid, variable)``.
    """
    if not gaps.any():
        return
    time, _, variable = np.argwhere(gaps)[0]
    count = np.count_nonzero(gaps[time, :, variable])
    raise DataError(
        f"{what} at {format_date(times[time])}: {count} of {gaps.shape[1]} values of {variables[variable]} "
        "are not finite, so no score can be given.",
        fix="Choose a period without gaps with --start and --end.",
    )
