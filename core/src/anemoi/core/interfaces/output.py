"""What a forecast is written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..grid import Grid
from ..variable import Variable


@dataclass(frozen=True)
class State:
    """The state of one domain at one time of one forecast.

    Parameters
    ----------
    start
        The time that the forecast starts from.
    lead_time
        The time since ``start``; zero for the initial state.
    fields
        ``(ensemble, grid, variable)`` float32, in the units of the training data; NaN where a variable is
        undefined, as sea-surface temperature over land.
    domain
        The domain of the checkpoint that it is of.
    """

    start: np.datetime64
    lead_time: np.timedelta64
    fields: NDArray[np.float32]
    domain: str = "data"

    @property
    def valid_time(self) -> np.datetime64:
        """The time that the state describes."""
        return self.start + self.lead_time


@dataclass(frozen=True)
class ForecastDescription:
    """What is known of a forecast before its first state.

    Parameters
    ----------
    start
        The time that the forecast starts from.
    lead_times
        Those that will be written, in order, ``(lead times,)`` timedelta64[s].
    members
        How many ensemble members each state has.
    variables, grid, units
        As those of a data source.
    provenance
        Where the forecast comes from, as JSON: its identity, its parents, the command.
    frequency
        The time step of the model, which what is accumulated is accumulated over; None if it is not known.
    domain
        The domain of the checkpoint that it is of.
    metadata
        What is known of each variable: level and type of level, and the time that it is the sum, the mean or
        an extreme of. Of those that it leaves out the units alone are known.
    """

    start: np.datetime64
    lead_times: NDArray[np.timedelta64]
    members: int
    variables: tuple[str, ...]
    grid: Grid
    units: Mapping[str, str]
    provenance: Mapping[str, Any]
    frequency: np.timedelta64 | None = None
    domain: str = "data"
    metadata: Mapping[str, Variable] = field(default_factory=dict)

    def about(self, name: str) -> Variable:
        """What is known of a variable."""
        return self.metadata.get(name) or Variable(name, units=self.units.get(name))

    def with_variables(self, variables: Iterable[Variable], **others: Any) -> ForecastDescription:
        """Describe the same forecast with other variables.

        Parameters
        ----------
        variables
            What is known of each.
        **others
            What else is different: ``grid``, ``members``.
        """
        known = {variable.name: variable for variable in variables}
        units = {name: variable.units for name, variable in known.items() if variable.units is not None}
        return replace(self, variables=tuple(known), units=units, metadata=known, **others)


class Output(ABC):
    """Takes the states of one forecast, one at a time, and leaves a whole file or none.

    It is a context manager. Leaving it without an exception makes the file appear under its
    name; leaving it with one leaves nothing. A subclass takes ``path``, ``forecast`` and
    ``overwrite``, and its own options after them, each with a type and a default.

    Parameters
    ----------
    path
        Where to write.
    forecast
        What is to come.
    overwrite
        Whether something that is there already may be replaced.

    Raises
    ------
    DataError
        At construction, if ``path`` exists and ``overwrite`` is false, or cannot be written.
    """

    @abstractmethod
    def __init__(self, *, path: str, forecast: ForecastDescription, overwrite: bool = False) -> None: ...

    @classmethod
    def provenance_of(cls, path: str) -> Mapping[str, Any] | None:
        """Read the provenance that a file of this format keeps; None if it has another, or keeps none.

        An output that writes provenance into its files overrides this, and :meth:`content_of`.
        """
        return None

    @classmethod
    def content_of(cls, path: str) -> str | None:
        """Compute the hash of what such a file holds, as ``content`` in its provenance has it, anew."""
        return None

    @abstractmethod
    def __enter__(self) -> Output: ...

    @abstractmethod
    def write(self, state: State) -> None:
        """Take the next state, in order of lead time."""

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...
