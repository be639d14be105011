"""Whether the numbers of a forecast can be weather: those it starts from, and those of every step."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from ..domain import Domain, Statistics
from ..errors import ConfigError, DataError, ImplausibleError
from ..interfaces.output import State
from ..times import format_date, format_duration

LIMIT = 10.0
"""How many times its half width around its middle the range of the training may be exceeded: far more than
extremes do, and little for a forecast that grows without bound."""

UNUSUAL = 10.0
"""How many standard deviations of the training the mean of a field that a forecast starts from may be off."""

_WIDEST = 5.0
"""How many standard deviations the range of the training reaches from the mean where it was not recorded."""


class StepCheck:
    """Stops a forecast of one domain at the first state with values that cannot be.

    Values are finite, or NaN where the checkpoint says that a variable is missing. They are no further from
    the middle of the range that a variable had in the training than ``limit`` times half its width. A
    variable that never changed in the training has no such limit.

    Parameters
    ----------
    domain
        What the training knows of each variable.
    limit
        How far values may be from the range of the training; infinity for any distance.
    """

    def __init__(self, domain: Domain, limit: float = LIMIT) -> None:
        self._domain, self._limit = domain, limit
        known = domain.statistics[domain.columns(domain.outputs)]
        self._ranges = _ranges(known)
        middle, half = self._ranges.mean(axis=0), np.diff(self._ranges, axis=0)[0] / 2
        reach = np.where(half > 0, half, np.inf) * limit
        self._lower, self._upper = middle - reach, middle + reach  # (outputs,)

    def check(self, state: State, step: int) -> None:
        """Check a state of the forecast.

        Parameters
        ----------
        state
            ``(ensemble, grid, outputs)`` in units of the data.
        step
            The number of the step of the model that made it, for the message.

        Raises
        ------
        ImplausibleError
            If a value cannot be: the first variable of which one is, and where.
        """
        low, high = state.fields.min(axis=(0, 1)), state.fields.max(axis=(0, 1))
        good = np.isfinite(low) & np.isfinite(high) & (low >= self._lower) & (high <= self._upper)
        for column in np.flatnonzero(~good):
            self._look(state, int(column), step)

    def _look(self, state: State, column: int, step: int) -> None:
        values, name = state.fields[..., column], self._domain.outputs[column]
        unfinite = ~np.isfinite(values) & ~(np.isnan(values) & self._missing(name, values))
        distance = np.maximum(self._lower[column] - values, values - self._upper[column])
        wrong = unfinite | (distance > 0)
        if not wrong.any():
            return
        worst = np.where(unfinite, np.inf, np.where(distance > 0, distance, -np.inf))
        member, point = np.unravel_index(int(np.argmax(worst)), values.shape)
        why = (
            f"{int(unfinite.sum())} of {values.size} values are not finite"
            if unfinite.any()
            else f"the training had {_span(*self._ranges[:, column])}, and {self._limit:g} times that range "
            f"is {_span(self._lower[column], self._upper[column])}"
        )
        grid, lead_time = self._domain.grid, format_duration(state.lead_time)
        raise ImplausibleError(
            f"The forecast from {format_date(state.start)} cannot be right at {lead_time} "
            f"(step {step}): {name} is {values[member, point]:g} at latitude {grid.latitudes[point]:g}, "
            f"longitude {grid.longitudes[point]:g}"
            f"{f', member {member}' if len(values) > 1 else ''}; {why}.",
            fix="Check the initial states and the checkpoint. "
            + (
                "No option lets such values pass."
                if unfinite.any()
                else "If such values can be, raise --limit (in Python: limit=...); --limit inf has none."
            ),
            lead_time=state.lead_time,
        )

    def _missing(self, name: str, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Where a variable may be NaN, ``(grid,)``: where it always was; if that is unknown, somewhere."""
        anywhere = self._domain[name].may_be_missing and not np.isnan(values).all()
        found: NDArray[np.bool_] = self._domain.missing.get(name, np.full(len(self._domain.grid), anywhere))
        return found


def _ranges(known: Statistics) -> NDArray[np.float64]:
    """The range of each variable in the training, ``(2, variables)``."""
    lower = np.where(np.isfinite(known.minimum), known.minimum, known.mean - _WIDEST * known.stdev)
    upper = np.where(np.isfinite(known.maximum), known.maximum, known.mean + _WIDEST * known.stdev)
    unknown = ~(np.isfinite(lower) & np.isfinite(upper))
    return np.where(unknown, 0.0, np.stack([lower, upper]))


def _span(lower: float, upper: float) -> str:
    return f"{lower:g} to {upper:g}"


def check_usual(
    fields: NDArray[np.float32],
    domain: Domain,
    names: tuple[str, ...],
    time: np.datetime64,
    allowed: Collection[str] = (),
) -> None:
    """Check that fields that a forecast is given resemble those of the training.

    Parameters
    ----------
    fields
        ``(members, grid, names)``, in units of the data.
    domain
        What the training knows of each variable.
    names
        The variables.
    time
        Their time, for the message.
    allowed
        Variables whose mean may be anything.

    Raises
    ------
    DataError
        If the mean of one is more than :data:`UNUSUAL` standard deviations from that of the training.
    """
    unusual, faults = [], []
    for column, place in enumerate(domain.columns(names)):
        name, values = names[column], fields[..., column]
        mean, stdev = domain.statistics.mean[place], domain.statistics.stdev[place]
        if name in allowed or not stdev > 0 or np.isnan(values).all():
            continue
        found = float(np.nanmean(values, dtype=np.float64))
        if abs(found - mean) > UNUSUAL * stdev:
            unusual.append(name)
            faults.append(
                f"{name} has a mean of {found:g}, in the training {mean:g}, with a standard deviation of "
                f"{stdev:g}"
            )
    if faults:
        options = " ".join(f"--allow-unusual {name}" for name in unusual)
        raise DataError(
            f"The state at {format_date(time)} does not resemble the training: {'; '.join(faults)}.",
            fix="Check the units of the data. If they are right all the same: "
            f"{options} (in Python: allow_unusual={unusual}).",
        )


def check_allowed(domains: Mapping[str, Domain], allowed: Collection[str]) -> None:
    """Check that variables whose mean may be unusual are among those that are read.

    Raises
    ------
    ConfigError
        If not.
    """
    known = {name for domain in domains.values() for name in domain.inputs if not domain[name].computed}
    if wrong := [name for name in allowed if name not in known]:
        raise ConfigError(
            f"{', '.join(wrong)} cannot be allowed to be unusual: no forecast reads a variable of that name.",
            fix=f"Those that are read: {', '.join(sorted(known))}.",
        )
