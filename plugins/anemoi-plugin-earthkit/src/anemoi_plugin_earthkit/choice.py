"""Which of several fields that stand for the same thing is taken: of experiments and of forecasts."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from anemoi.core.errors import DataError, NotThereError
from anemoi.core.times import format_date, format_duration, parse_date, parse_duration
from numpy.typing import NDArray

from .index import Index

_ERA5: Final = ("0001", "0005")
"""The final ERA5 and the preliminary one (ERA5T), which is replaced by the first within months."""

_MOST: Final = 4
"""How many dates a message lists."""


class SeveralWarning(UserWarning):
    """Fields of several experiments or forecasts are put together."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is taken of several: the options of the sources of the same names."""

    expver: str | None = None
    base: str | None = None
    step: str | None = None
    members: Sequence[int] | None = None
    latest: bool = False


def choose(index: Index, rows: NDArray[np.intp], where: str, choice: Choice) -> NDArray[np.intp]:
    """Choose among fields that change with time.

    Parameters
    ----------
    index
        The fields there are.
    rows
        Those to choose among.
    where
        Where they are from, for errors.
    choice
        What to take.

    Raises
    ------
    NotThereError
        If there is no such forecast, step or member.
    DataError
        If fields of several experiments would be mixed, or there is none of the one chosen.
    """
    rows = _of_experiment(index, rows, where, choice.expver)
    if choice.base is not None:
        rows = _of_forecast(index, rows, where, choice.base)
    if choice.step is not None:
        rows = _at_step(index, rows, where, choice.step)
    if choice.members is not None:
        rows = _of_members(index, rows, where, choice.members)
    return _latest(index, rows) if choice.latest else rows


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
    return _foremost(index, rows, -np.searchsorted(there, versions))


def _of_forecast(index: Index, rows: NDArray[np.intp], where: str, base: str) -> NDArray[np.intp]:
    there = np.unique(index.rows["base"][rows])
    wanted = there[-1] if base == "latest" else parse_date(base)
    if wanted not in there:
        shown = [format_date(each) for each in there[-_MOST:]]
        raise NotThereError(
            f"{where} has no forecast from {base} (base).",
            fix=f"There are {len(there)}, the last ones from {', '.join(shown)}.",
        )
    chosen: NDArray[np.intp] = rows[index.rows["base"][rows] == wanted]
    return chosen


def _at_step(index: Index, rows: NDArray[np.intp], where: str, step: str) -> NDArray[np.intp]:
    wanted, after = parse_duration(step), index.rows["time"][rows] - index.rows["base"][rows]
    if wanted not in (there := np.unique(after)):
        shown = [format_duration(each) for each in there[:_MOST]]
        raise NotThereError(
            f"{where} has no field at step {step} of a forecast.",
            fix=f"There are {len(there)} steps, the first ones {', '.join(shown)}.",
        )
    chosen: NDArray[np.intp] = rows[after == wanted]
    return chosen


def _of_members(index: Index, rows: NDArray[np.intp], where: str, members: Sequence[int]) -> NDArray[np.intp]:
    of = index.rows["member"][rows]
    there = np.unique(of)
    if absent := sorted(set(members) - set(there.tolist())):
        raise NotThereError(
            f"{where} has no member {', '.join(map(str, absent))}.",
            fix=f"It has {len(there)}, from {there[0]} to {there[-1]}.",
        )
    chosen: NDArray[np.intp] = rows[np.isin(of, list(members))]
    return chosen


def _latest(index: Index, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    return _foremost(index, rows, index.rows["base"][rows].astype("i8"))


def _foremost(index: Index, rows: NDArray[np.intp], rank: NDArray[np.integer]) -> NDArray[np.intp]:
    """Of the fields of one variable, member and time those of the highest rank: several, if they share it."""
    alike = ("variable", "member", "time", "start")
    keys: NDArray[Any] = np.stack([index.rows[name][rows].astype("i8") for name in alike], axis=-1)
    _, of = np.unique(keys, axis=0, return_inverse=True)
    of = of.reshape(-1)
    highest = np.full(of.max(initial=-1) + 1, np.iinfo(np.int64).min)
    np.maximum.at(highest, of, rank)
    foremost: NDArray[np.intp] = rows[rank == highest[of]]
    return foremost


def _four_digits(version: str) -> str:
    return version.zfill(4) if version.isdigit() else version
