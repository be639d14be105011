"""The source ``cutout``: regional grids within a larger one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from anemoi.core.config import Component, Spec
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable
from annotated_types import Ge
from numpy.typing import NDArray

from ..reader import Index, Reader, derived
from .agreement import common, opened, require_same, require_some
from .overlap import Overlap, covered
from .selection import Selection
from .view import View, within


class CutoutSource(Selection):
    """Regional sources in the place of the cells of a larger one that they cover; options as for ``zarr``.

    The cells are those of the regions, in the order given, then those of the last source that none of them
    covers; where regions overlap, the one named first stays whole. The statistics are those of the first.
    What a region covers is decided as in anemoi-datasets.

    Parameters
    ----------
    sources
        The sources, each with its own name and options, the largest last.
    cropping_distance
        How far beyond the bounds of a region cells are looked at, in degrees.
    neighbours
        How many of the nearest points of a region form the triangles that a cell may lie in.
    min_distance_km
        Cells as close to a point of a region as this are left out as well; by default the smallest
        distance between two points of the larger grid near the region.
    max_distance_km
        Cells further away from every region than this are left out as well.
    """

    def __init__(
        self,
        *,
        sources: list[Annotated[Spec, Component("source")]],
        cropping_distance: Annotated[float, Ge(0)] = 2.0,
        neighbours: Annotated[int, Ge(3)] = 5,
        min_distance_km: Annotated[float, Ge(0)] | None = None,
        max_distance_km: Annotated[float, Ge(0)] | None = None,
        **options: Any,
    ) -> None:
        overlap = Overlap(cropping_distance, neighbours, min_distance_km, max_distance_km)
        super().__init__(_Cutout(opened("cutout", sources), overlap), **options)

    @classmethod
    def check_options(cls, *, sources: Sequence[Spec] = (), **options: Any) -> None:
        """See :class:`anemoi.core.interfaces.ChecksOptions`."""
        require_some("cutout", sources)
        _require_region(sources)
        super().check_options(**options)


class _Cutout(View):
    def __init__(self, sources: Sequence[Reader], overlap: Overlap) -> None:
        super().__init__(sources[0])
        _require_region(sources)
        require_same("cutout", sources, "times", "variables", "units", "periods")
        self._sources, self._overlap = sources, overlap
        masks = covered([source.grid for source in sources], overlap)
        self._chosen = [np.flatnonzero(~mask) for mask in masks]
        parts = [(s.grid, chosen) for s, chosen in zip(sources, self._chosen, strict=True)]
        self._grid = Grid(
            np.concatenate([grid.latitudes[chosen] for grid, chosen in parts]),
            np.concatenate([grid.longitudes[chosen] for grid, chosen in parts]),
        )

    def __str__(self) -> str:
        return " within ".join(map(str, self._sources))

    @property
    def grid(self) -> Grid:
        return self._grid

    @property
    def missing(self) -> frozenset[np.datetime64]:
        return frozenset().union(*(source.missing for source in self._sources))

    @property
    def metadata(self) -> Mapping[str, Variable]:
        return common(self._sources)

    @property
    def statistics_period(self) -> None:
        """The statistics of the first are not those of all cells."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        return derived(self._sources, cutout=vars(self._overlap))

    def fill(self, out: NDArray[np.float32], times: NDArray[np.intp], variables: Index, cells: Index) -> None:
        first = 0
        for source, chosen in zip(self._sources, self._chosen, strict=True):
            last = first + len(chosen)
            if cells is None:
                source.fill(out[..., first:last], times, variables, _all_or(chosen, source))
            else:
                into = np.flatnonzero((cells >= first) & (cells < last))
                if len(into):
                    part = np.empty((*out.shape[:3], len(into)), dtype=np.float32)
                    source.fill(part, times, variables, within(chosen, cells[into] - first))
                    out[..., into] = part
            first = last


def _require_region(sources: Sequence[Any]) -> None:
    if len(sources) < 2:
        raise ConfigError("cutout: there is one source.", fix="Name at least a region and what is around it.")


def _all_or(chosen: NDArray[np.intp], source: Reader) -> Index:
    return None if len(chosen) == len(source.grid) else chosen
