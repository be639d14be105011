"""Which of several fields that stand for the same thing is taken: of experiments and of forecasts."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.times import format_date, parse_date
from numpy.typing import NDArray

from .index import Index

_ERA5: Final = ("0001", "0005")
"""The final ERA5 and the preliminary one (ERA5T), which is replaced by the first within months."""

_MOST: Final = 4
"""How many dates a message lists."""


class SeveralWarning(UserWarning):
    """Fields of several experiments or forecasts are put together."""


def choose(
    index: Index, rows: NDArray[np.intp], where: str, *, expver: str | None, base: str | None, latest: bool
) -> NDArray[np.intp]:
    """Choose among fields that change with time.

    Parameters
    ----------
    index
        The fields there are.
    rows
        Those to choose among.
    where
        Where they are from, for errors.
    expver, base, latest
        The options of the sources.

    Raises
    ------
    DataError
        If fields of several experiments would be mixed, or none fits the options.
    """
    rows = _of_experiment(index, rows, where, expver)
    if base is not None:
        rows = _of_forecast(index, rows, where, base)
    return _latest(index, rows) if latest else rows


def _of_experiment(index: Index, rows: NDArray[np.intp], where: str, expver: str | None) -> NDArray[np.intp]:
    versions = np.array([_four_digits(each) for each in index.versions])[index.rows["version"][rows]]
    there = sorted(set(versions.tolist()) - {""})
    if expver is not None:
        if (wanted := _four_digits(expver)) not in there:
            raise DataError(
                f"{where} has no fields of experiment {expver}.", fix=f"Those it has: {', '.join(there)}."
            )
        chosen: NDArray[np.intp] = rows[(versions == wanted) | (versions == "")]
        return chosen
    if len(there) < 2:
        return rows
    if tuple(there) != _ERA5:
        raise DataError(
            f"{where} has fields of several experiments (expver): {', '.join(there)}.",
            fix=f"Say which: expver={there[0]}",
        )
    warnings.warn(
        f"{where}: the final ERA5 (expver 0001) is taken where it is there, and elsewhere the preliminary "
        "one (0005, ERA5T). To take one alone: expver=0001",
        SeveralWarning,
        stacklevel=6,
    )
    order = np.argsort(versions, kind="stable")
    return np.sort(_first_of_each(index, rows[order]))


def _of_forecast(index: Index, rows: NDArray[np.intp], where: str, base: str) -> NDArray[np.intp]:
    wanted = parse_date(base)
    there = np.unique(index.rows["base"][rows])
    if wanted not in there:
        shown = [format_date(each) for each in there[-_MOST:]]
        raise ConfigError(
            f"{where} has no forecast from {base} (base).",
            fix=f"There are {len(there)}, the last ones from {', '.join(shown)}.",
        )
    chosen: NDArray[np.intp] = rows[index.rows["base"][rows] == wanted]
    return chosen


def _latest(index: Index, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    order = np.argsort(-index.rows["base"][rows].astype("i8"), kind="stable")
    return np.sort(_first_of_each(index, rows[order]))


def _first_of_each(index: Index, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Of the fields that are of one variable, member and time, the first."""
    alike = ("variable", "member", "time", "start")
    keys: NDArray[Any] = np.stack([index.rows[name][rows].astype("i8") for name in alike], axis=-1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return rows[first]


def _four_digits(version: str) -> str:
    return version.zfill(4) if version.isdigit() else version
