"""A source in the units of a domain and on its points in their order."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .delegating import DelegatingSource
from .domain import Domain, Statistics
from .grid import Grid
from .interfaces.data_source import DataSource, Times
from .times import format_duration
from .units import Conversion, conversion, same_unit
from .variable import Variable, level_name, placed

_HEIGHT_OF = {"z": ("gh", "gpm"), "gh": ("z", "m**2 s**-2")}
"""The parameter that a geopotential, or its height, can be made of, and the units that it usually has."""


class ConformedWarning(UserWarning):
    """A source is read in other units or in another order than it has."""


def conformed(source: DataSource, domain: Domain) -> DataSource:
    """Give ``source`` in the units and on the points of ``domain``, with a warning that says what differs.

    What cannot be converted or put in order stays as it is; a source that needs neither is given back.
    """
    sources, conversions, said = [], [], []
    ours, theirs = {v.name: v for v in domain.variables}, source.metadata
    for name in source.variables:
        wanted, how = name, None
        if name in ours:
            how = _conversion(name, theirs[name].units, ours[name].units)
        elif (stands_for := _as_height(name, ours, source.variables)) is not None:
            units = theirs[name].units or _HEIGHT_OF[placed(stands_for).short_name][1]
            how = _conversion(stands_for, units, ours[stands_for].units)
            wanted = name if how is None else stands_for
        sources.append(wanted)
        conversions.append(how)
        if how is not None:
            made = f"{name} in {theirs[name].units}" if theirs[name].units else name
            said.append(f"{made} is read as {wanted} in {ours[wanted].units}")
    order = None if domain.grid.matches(source.grid) else domain.grid.order_of(source.grid)
    if order is not None:
        said.append(f"its {len(source.grid)} points are put in the order of the checkpoint's {len(order)}")
    if not said:
        return source
    warnings.warn(
        f"The source differs from the training data: {'; '.join(said)}.", ConformedWarning, stacklevel=3
    )
    return Conformed(
        source, tuple(sources), tuple(conversions), None if order is None else domain.grid, order, said, ours
    )


def _conversion(name: str, theirs: str | None, ours: str | None) -> Conversion | None:
    """How to convert; None if the units are the same, not known, or of different kinds."""
    if theirs is None or ours is None or same_unit(theirs, ours):
        return None
    return conversion(name, theirs, ours)


def _as_height(name: str, ours: Mapping[str, Variable], there: Sequence[str]) -> str | None:
    """The variable of a domain that this one is the height, or the geopotential, of."""
    at = placed(name)
    other = next((short for short, (made_of, _) in _HEIGHT_OF.items() if made_of == at.short_name), None)
    if other is None:
        return None
    wanted = other if at.level is None else level_name(other, at.level, at.level_type)
    return wanted if wanted in ours and wanted not in there and ours[wanted].units is not None else None


def contradictions(source: DataSource, domain: Domain, names: Iterable[str]) -> list[str]:
    """Say which variables lie elsewhere than in the training data, or are of another time; in words.

    What one of them does not say contradicts nothing.
    """
    theirs, found = source.metadata, []
    for name in names:
        if name not in theirs:
            continue
        one, other = theirs[name], domain[name]
        if one.statistic != other.statistic and one.statistic and other.statistic:
            found.append(f"its {name} is {_over(one)}, the checkpoint's {_over(other)}")
        if _elsewhere(one, other):
            found.append(f"its {name} is on {_at(one)}, the checkpoint's on {_at(other)}")
    return found


def _over(variable: Variable) -> str:
    assert variable.statistic is not None, "only what has one is told of"
    how, over = variable.statistic
    word = {"maximum_over": "the maximum", "minimum_over": "the minimum"}.get(how, how)
    return f"{word} over {format_duration(over)}"


def _elsewhere(one: Variable, other: Variable) -> bool:
    """Whether two levels are known to differ; what belongs to the surface may say how high above it."""
    types = {one.level_type, other.level_type}
    if None in types or "surface" in types:
        return False
    if len(types) > 1 or one.level is None or other.level is None:
        return len(types) > 1
    return not np.isclose(one.level, other.level, rtol=1e-6)


def _at(variable: Variable) -> str:
    return (
        f"{variable.level_type} levels"
        if variable.level is None
        else f"{variable.level_type} {variable.level:g}"
    )


class Conformed(DelegatingSource[DataSource]):
    """A source with its variables converted and its points in another order.

    Parameters
    ----------
    source
        The source.
    variables
        What its variables are called, in its order.
    conversions
        How each is converted; None for those that are not.
    grid
        The points; None for those of the source.
    order
        Which point of the source each is, ``(points,)``.
    said
        What is done, for the provenance.
    units
        The variables whose units those are that are converted to.
    """

    def __init__(
        self,
        source: DataSource,
        variables: tuple[str, ...],
        conversions: tuple[Conversion | None, ...],
        grid: Grid | None,
        order: NDArray[np.intp] | None,
        said: Sequence[str],
        units: Mapping[str, Variable],
    ) -> None:
        super().__init__(source)
        self._variables, self._conversions, self._said = variables, conversions, tuple(said)
        self._grid_, self._order, self._units = grid, order, units

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of the source, by the names that they are read as."""
        return self._variables

    @property
    def grid(self) -> Grid:
        """The points in their new order."""
        return self._source.grid if self._grid_ is None else self._grid_

    @property
    def statistics(self) -> Statistics:
        """Those of the source, converted."""
        return self._converted(self._source.statistics, changes=False)

    @property
    def changes(self) -> Mapping[np.timedelta64, Statistics]:
        """Those of the source, converted."""
        return {over: self._converted(each, changes=True) for over, each in self._source.changes.items()}

    @property
    def metadata(self) -> Mapping[str, Variable]:
        """That of the source, in the units that values are in."""
        theirs = self._source.metadata
        return {
            name: replace(
                theirs[own], name=name, units=theirs[own].units if how is None else self._units[name].units
            )
            for own, name, how in zip(self._source.variables, self._variables, self._conversions, strict=True)
        }

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source, and what is done to it."""
        return {**self._source.provenance, "conformed": list(self._said)}

    def read(self, times: Sequence[np.datetime64] | Times) -> NDArray[np.float32]:
        """Read the states at ``times``, converted and in order; see :meth:`DataSource.read`."""
        fields = self._source.read(times)
        if self._order is not None:
            fields = fields[:, :, self._order]
        if any(how is not None for how in self._conversions):
            fields = fields.copy()
            for column, how in enumerate(self._conversions):
                if how is not None:
                    fields[..., column] = fields[..., column].astype(np.float64) * how.factor + how.offset
        return fields

    def _converted(self, statistics: Statistics, *, changes: bool) -> Statistics:
        factor = np.array([1.0 if how is None else how.factor for how in self._conversions])
        offset = np.array([0.0 if how is None or changes else how.offset for how in self._conversions])
        return Statistics(
            statistics.mean * factor + offset,
            statistics.stdev * factor,
            statistics.minimum * factor + offset,
            statistics.maximum * factor + offset,
        )
