"""Fields of a data source, by the names of their variables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anemoi.core.errors import DataError
from anemoi.core.interfaces.data_source import DataSource, Times
from anemoi.core.times import format_date
from numpy.typing import NDArray


def read_fields(
    source: DataSource, variables: Sequence[str], times: Sequence[np.datetime64] | Times
) -> NDArray[np.float64]:
    """Read some variables at some times, the mean over ensemble members.

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
    refuse_gaps(fields, variables, "The data", times)
    return np.asarray(fields)


def refuse_gaps(
    fields: NDArray[np.float64], variables: Sequence[str], what: str, times: Sequence[np.datetime64] | Times
) -> None:
    """Raise a :class:`DataError` that names the first variable and time with a value that is not finite."""
    if np.isfinite(fields).all():
        return
    time, _, variable = np.argwhere(~np.isfinite(fields))[0]
    count = np.count_nonzero(~np.isfinite(fields[time, :, variable]))
    raise DataError(
        f"{what} at {format_date(times[time])}: {count} of {fields.shape[1]} values of {variables[variable]} "
        "are not finite, so no score can be given.",
        fix="Choose a period without gaps with --start and --end.",
    )
