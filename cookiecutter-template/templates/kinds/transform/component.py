"""The transform ``{{ cookiecutter.name }}``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.interfaces import Transform
from anemoi.core.transforms import domain_after
from torch import Tensor


class {{ cookiecutter.__class }}(Transform):
    """The square root of variables with a long tail, such as precipitation.

    It is ``sqrt(|x| + softening) - sqrt(softening)`` with the sign of ``x``, so that its slope at zero, where
    precipitation often is, is finite (a power of Box and Cox, "An analysis of transformations", 1964, with
    a shift). What its results are like, the statistics of the data do not tell: they are measured.

    Parameters
    ----------
    domain
        As for every :class:`~anemoi.core.interfaces.transform.Transform`.
    variables
        The names of the variables to take the root of; by default those that are accumulated.
    softening
        How large a value is, in the units of the data, where the root takes over from a straight line.

    Raises
    ------
    ConfigError
        If there is no such variable, or ``softening`` is not greater than zero; from :attr:`after`, if
        statistics have not been measured.
    """

    def __init__(
        self, *, domain: Domain, variables: Sequence[str] | None = None, softening: float = 1e-4
    ) -> None:
        super().__init__(domain=domain)
        if not softening > 0:
            raise ConfigError(f"softening is {softening:g}.", fix="Choose one greater than zero.")
        if unknown := sorted({*(variables or ())} - {*domain.names}):
            raise ConfigError(
                f"There is no variable {unknown[0]}.", fix=f"There are {', '.join(domain.names)}."
            )
        accumulated = [each.name for each in domain.variables if each.accumulated is not None]
        self._chosen = frozenset(accumulated if variables is None else variables)
        self._softening = softening

    @property
    def after(self) -> Domain:
        """The same variables, with the statistics that were measured of the roots."""
        before = self.before
        tables = [np.stack([*vars(each).values()]) for each in (before.statistics, before.changes)]
        for place, name in enumerate(before.names):
            if name in self._chosen:
                if name not in before.measured:
                    raise ConfigError(f"The statistics of the root of {name} have not been measured.")
                for table, row in zip(tables, before.measured[name], strict=True):
                    table[:, place] = row  # mean, standard deviation, minimum and maximum
        variables = tuple(
            replace(each, units=None) if each.name in self._chosen else each for each in before.variables
        )
        statistics, changes = (Statistics(*table) for table in tables)
        return domain_after(self, variables, statistics, changes)

    @property
    def touches(self) -> frozenset[str]:
        """The variables that it takes the root of."""
        return self._chosen

    @property
    def measures(self) -> frozenset[str]:
        """The same, for they keep their names."""
        return self._chosen

    def forward(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Take the root."""
        soft = self._softening
        return self._applied(values, names, lambda size: (size + soft).sqrt() - soft**0.5)

    def inverse(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Take the square."""
        soft = self._softening
        return self._applied(values, names, lambda size: (size + soft**0.5).square() - soft)

    def _applied(self, values: Tensor, names: Sequence[str], function: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply a function of the size of a value to the variables that are chosen; its sign stays."""
        columns = [
            column.sign() * function(column.abs()) if name in self._chosen else column
            for name, column in zip(names, values.unbind(-1), strict=True)
        ]
        return torch.stack(columns, dim=-1)
