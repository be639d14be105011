"""The options that every source here takes, applied to it in one order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from annotated_types import Ge, Len

from ..reader import Reader, derived
from . import cells, variables
from .converted import Converted
from .filled import Filled, Method
from .period import Period, require_period
from .view import View

Edge = Annotated[int, Ge(0)]

_CHOICES: Final[Mapping[str, Callable[[Reader, Any], Reader]]] = {
    "select": variables.select,
    "drop": variables.drop,
    "reorder": variables.reorder,
    "rename": variables.rename,
    "levels": variables.levels,
    "units": Converted,
    "thinning": cells.thinning,
    "area": cells.area,
    "trim_edge": cells.trim_edge,
}
"""What each option that chooses variables or cells does to a source."""


class Selection(View):
    """A part of a source, by the options of anemoi-datasets and in its order: that in which they stand here.

    Parameters
    ----------
    source
        The source.
    fill_missing_dates
        What missing times read as: ``closest``, ``interpolate``, ``nans``, ``mean``, ``minimum`` or
        ``maximum``; without it reading one is refused, and a training skips the samples that hold one.
    start, end
        The first and the last time, ISO dates; a year, a month or a day stands for all of it.
    frequency
        The time between states, a multiple of that of the source: ``12h``.
    select
        The variables, in this order.
    drop
        Variables to leave out.
    reorder
        All variables in another order, or ``sort`` for that of the alphabet.
    rename
        New names of variables.
    levels
        Of variables on levels those on these alone, in the units of their type; all others stay.
    units
        The units to convert variables to: ``{msl: hPa}``.
    thinning
        Every n-th row and column, of a field on a grid of two dimensions.
    area
        North, west, south, east, in degrees.
    trim_edge
        How many of the outermost rows and columns to leave out, on each side or ``[first rows, last rows,
        first columns, last columns]``.
    """

    def __init__(
        self,
        source: Reader,
        /,
        *,
        fill_missing_dates: Method | None = None,
        start: str | int | None = None,
        end: str | int | None = None,
        frequency: str | None = None,
        select: list[str] | None = None,
        drop: list[str] | None = None,
        reorder: list[str] | Literal["sort"] | None = None,
        rename: dict[str, str] | None = None,
        levels: list[float] | None = None,
        units: dict[str, str] | None = None,
        thinning: Annotated[int, Ge(1)] | None = None,
        area: Annotated[list[float], Len(4, 4)] | None = None,
        trim_edge: Edge | Annotated[list[Edge], Len(4, 4)] | None = None,
    ) -> None:
        filling = _given(fill_missing_dates=fill_missing_dates)
        period = _given(start=start, end=end, frequency=frequency)
        chosen = _given(
            select=select,
            drop=drop,
            reorder=reorder,
            rename=rename,
            levels=levels,
            units=units,
            thinning=thinning,
            area=area,
            trim_edge=trim_edge,
        )
        self._whole, self._options = source, {**filling, **period, **chosen}
        if fill_missing_dates is not None:
            source = Filled(source, fill_missing_dates)
        if period:
            source = Period(source, **period)
        for option, value in chosen.items():
            source = _CHOICES[option](source, value)
        super().__init__(source)

    @classmethod
    def check_options(
        cls,
        *,
        start: str | int | None = None,
        end: str | int | None = None,
        frequency: str | None = None,
        area: list[float] | None = None,
        **others: Any,
    ) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        require_period(start, end, frequency)
        if area is not None:
            cells.require_area(area)

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source; where options choose of it, one of its own, with the source as a parent."""
        return derived([self._whole], **self._options) if self._options else self._whole.provenance


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
