"""What stands between a forecast and what is written of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .output import ForecastDescription, State


class PostProcessor(ABC):
    """One step of the chain of an output: derived fields, other units, another grid, statistics of members.

    A transform is no such step: it works on what a network sees, has an inverse and belongs to the
    checkpoint. This one works on states in the units of the data, one after the other, and belongs to an
    output.

    It is built for one forecast and one output, from the description of what the step before leaves, and says
    in :attr:`after` what it leaves itself, so that everything that an output must know is checked before
    anything is computed. It is then given each state once, in order of lead time, and may remember them.

    A subclass takes ``forecast``, and its own options after it, each with a type and a default if it can have
    one; the options are what a user writes under ``postprocess``.

    Parameters
    ----------
    forecast
        What is to come.

    Raises
    ------
    ConfigError
        If the options are about variables that the forecast does not have.
    DataError
        If it cannot be made of this forecast: of its grid, its units or its members.
    """

    remembers: ClassVar[bool] = True
    """Whether a state may depend on those before, as a sum since the start does.

    One that looks at each state alone says False, so that states may be taken in any order, and by several
    processes at once, where a data set is made.
    """

    @abstractmethod
    def __init__(self, *, forecast: ForecastDescription) -> None:
        self.before = forecast

    @property
    def after(self) -> ForecastDescription:
        """What it leaves: variables, units, levels, grid and members; the same unless it is overridden.

        Start, lead times, domain and provenance stay. :meth:`.ForecastDescription.with_variables` makes one.
        """
        return self.before

    @abstractmethod
    def apply(self, state: State) -> NDArray[np.float32]:
        """Give the fields of the next state as this step leaves them.

        Parameters
        ----------
        state
            As :attr:`before` has it; its fields are not written to, for other chains have them too. NaN is
            missing, and nothing is made of it.

        Returns
        -------
        NDArray
            ``(members, grid, variables)`` float32, as :attr:`after` has them.
        """
