"""What one data set looks like to a model: its variables, its grid, its time step and its statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DataError
from .grid import Grid
from .variable import Role, Variable


@dataclass(frozen=True)
class Statistics:
    """How each variable is distributed over cells, members and times; ``(variables,)`` float64 each.

    NaNs are left out.
    """

    mean: NDArray[np.float64]
    stdev: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]

    def __getitem__(self, index: object) -> Statistics:
        """Those of some variables, by index."""
        return Statistics(*(np.asarray(each[index]) for each in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Domain:
    """What one data set looks like to a model.

    Fields of all its variables are ``(batch, time, ensemble, grid, variable)``, the last axis in the order of
    ``variables``. A model takes those of :attr:`inputs` and gives those of :attr:`outputs`, in that order.

    Parameters
    ----------
    variables
        All of them, whatever their role.
    grid
        Where their values lie.
    frequency
        The time from one state to the next, over which changes are taken.
    statistics
        Of the values, over the training period, in the order of ``variables``.
    changes
        Of the change of each variable over ``frequency``; NaN for those that are diagnostic or computed.
    constants
        The values of each variable that is the same at all times, ``(grid,)`` float32, by name.
    missing
        Where each variable that may be missing is so throughout, ``(grid,)`` bool, by name.
    measured
        The statistics of variables as transforms leave them, where they do not follow from those above (after
        a logarithm, say): ``(2, 4)`` float64, mean, stdev, minimum and maximum of values and of changes, by
        the name that the variable then has.

    Raises
    ------
    DataError
        If two variables share a name, or a size does not fit.
    """

    variables: tuple[Variable, ...]
    grid: Grid
    frequency: np.timedelta64
    statistics: Statistics
    changes: Statistics
    constants: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    missing: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    measured: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise DataError(f"A domain names {', '.join(twice)} more than once.")
        for which, statistics in (("statistics", self.statistics), ("changes", self.changes)):
            for name, values in vars(statistics).items():
                if values.shape != (len(self.variables),):
                    raise DataError(
                        f"The {which} of a domain of {len(self.variables)} variables have a {name} of shape "
                        f"{values.shape}."
                    )
        for name, values in {**self.constants, **self.missing}.items():
            if name not in self.names or values.shape != (len(self.grid),):
                raise DataError(
                    f"{name} has constant or missing values of shape {values.shape}, but is no variable on "
                    f"{len(self.grid)} points."
                )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all variables."""
        return tuple(variable.name for variable in self.variables)

    def __getitem__(self, name: str) -> Variable:
        """The variable of that name."""
        return self.variables[self.names.index(name)]

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The names of what a model takes: prognostic variables and forcings, in order."""
        return tuple(variable.name for variable in self.variables if variable.is_input)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The names of what a model gives: prognostic and diagnostic variables, in order."""
        return tuple(variable.name for variable in self.variables if variable.is_output)

    @cached_property
    def prognostic(self) -> tuple[str, ...]:
        """The names of what a model both takes and gives."""
        return self._with(Role.PROGNOSTIC)

    @cached_property
    def diagnostic(self) -> tuple[str, ...]:
        """The names of what a model only gives."""
        return self._with(Role.DIAGNOSTIC)

    @cached_property
    def forcings(self) -> tuple[str, ...]:
        """The names of what a model only takes."""
        return self._with(Role.FORCING)

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """The names of those forcings that no source is asked for: computed or constant ones."""
        return tuple(
            variable.name
            for variable in self.variables
            if variable.role is Role.FORCING and (variable.computed or variable.constant)
        )

    def columns(self, names: tuple[str, ...]) -> list[int]:
        """The places of some variables on the last axis of a field of all of them."""
        place = {name: number for number, name in enumerate(self.names)}
        return [place[name] for name in names]

    def derived(self, variables: Iterable[tuple[str, Variable]]) -> Domain:
        """Make a domain of other variables on the same grid, for a network that is given more than the data.

        Parameters
        ----------
        variables
            Each with the name of one of this domain, whose statistics, constant field and mask it has.
        """
        pairs = tuple(variables)
        columns = self.columns(tuple(name for name, _ in pairs))

        def renamed(fields: Mapping[str, Any]) -> dict[str, Any]:
            return {variable.name: fields[name] for name, variable in pairs if name in fields}

        return replace(
            self,
            variables=tuple(variable for _, variable in pairs),
            statistics=self.statistics[columns],
            changes=self.changes[columns],
            constants=renamed(self.constants),
            missing=renamed(self.missing),
            measured=renamed(self.measured),
        )

    @property
    def units(self) -> dict[str, str]:
        """The units of those variables where they are known."""
        return {variable.name: variable.units for variable in self.variables if variable.units is not None}

    def _with(self, role: Role) -> tuple[str, ...]:
        return tuple(variable.name for variable in self.variables if variable.role is role)
