"""The options that every source here takes, applied to it in one order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Len

from ..reader import Reader, derived
from .cells import area as within_area
from .cells import thinning as thinned
from .filled import Filled, Method
from .period import Period
from .variables import drop as without
from .variables import rename as renamed
from .variables import reorder as reordered
from .variables import select as selected
from .view import View


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
    thinning
        Every n-th row and column, of a field on a grid of two dimensions.
    area
        North, west, south, east, in degrees.
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
        thinning: Annotated[int, Ge(1)] | None = None,
        area: Annotated[list[float], Len(4, 4)] | None = None,
    ) -> None:
        given = {
            name: value for name, value in locals().items() if name not in ("self", "source", "__class__")
        }
        self._options = {name: value for name, value in given.items() if value is not None}
        self._whole = source
        if fill_missing_dates is not None:
            source = Filled(source, fill_missing_dates)
        if (start, end, frequency) != (None, None, None):
            source = Period(source, start=start, end=end, frequency=frequency)
        if select is not None:
            source = selected(source, select)
        if drop is not None:
            source = without(source, drop)
        if reorder is not None:
            source = reordered(source, reorder)
        if rename is not None:
            source = renamed(source, rename)
        if thinning is not None:
            source = thinned(source, thinning)
        if area is not None:
            source = within_area(source, area)
        super().__init__(source)

    @property
    def provenance(self) -> Mapping[str, Any]:
        """That of the source; where options choose of it, one of its own, with the source as a parent."""
        return derived([self._whole], **self._options) if self._options else self._whole.provenance
