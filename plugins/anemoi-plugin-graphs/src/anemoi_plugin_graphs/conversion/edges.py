"""The edge builders of anemoi-graphs as ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..neighbours import EARTH
from .nodes import Laid
from .reading import GIVEN, Options

Spec = dict[str, Any]

LIMIT = 64
"""How many neighbours a cut-off of anemoi-graphs leaves if nothing else is said."""


@dataclass(frozen=True)
class Ends:
    """What edges join: the names of both sets of nodes, and how they are laid."""

    source: str
    target: str
    laid: Mapping[str, Laid]

    @property
    def same(self) -> bool:
        """Whether a set is joined with itself."""
        return self.source == self.target

    def path(self) -> Any:
        """The grid file of ICON that one of the two is laid from."""
        for name in (self.source, self.target):
            spec = self.laid[name].spec if name in self.laid else None
            if spec is not None and spec["name"] == "icon":
                return spec["path"]
        return GIVEN


def nearest(of: str) -> Callable[[Options, Ends], Spec | None]:
    """The nearest nodes of one end, or of both."""

    def translate(options: Options, ends: Ends) -> Spec | None:
        count = options.take("num_nearest_neighbours", GIVEN)
        back = options.take("reversed_num_nearest_neighbours")
        if back not in (None, count):
            options.refuse("both ends have the same number of neighbours")
        if ends.same and isinstance(count, int):
            options.note("a node is no neighbour of itself, so there is one neighbour fewer")
            count -= 1
            if not count:
                return None
        return {"name": "nearest", "neighbours": count, "of": of}

    return translate


def cutoff(of: str) -> Callable[[Options, Ends], Spec | None]:
    """All nodes within a distance."""

    def translate(options: Options, ends: Ends) -> Spec | None:
        factor, km = options.take("cutoff_factor"), options.take("cutoff_distance_km")
        limit = options.take("max_num_neighbours", None)
        spec: Spec = {"name": "cutoff", "of": of}
        if km is not None:
            # There the radius, straight through the sphere, is the distance along the surface.
            spec["km"] = 2 * EARTH * math.asin(km / EARTH / 2) if isinstance(km, int | float) else km
        else:
            spec |= {"factor": GIVEN if factor is None else factor, "spacing": "nearest"}
        if of == "target":
            spec["neighbours"] = LIMIT if limit is None else limit
        elif limit is not None:
            options.refuse("the number of neighbours of a source is not limited (max_num_neighbours)")
        else:
            options.note(f"a source may have more than {LIMIT} targets")
        if ends.same:
            options.note("no node is joined to itself")
        return spec

    return translate


def multi_scale(options: Options, ends: Ends) -> Spec | None:
    """The edges of a mesh."""
    hops, wanted = options.take("x_hops", 1), options.take("scale_resolutions")
    if hops != 1:
        options.refuse(f"nodes {hops} edges apart are not joined (x_hops)")
    scales = _scales(options, ends, wanted) if wanted is not None else None
    return {"name": "multi-scale", **({"scales": scales} if scales is not None else {})}


def icon_mesh(options: Options, ends: Ends) -> Spec | None:
    """The edges of an ICON grid."""
    return {"name": "multi-scale"}


def icon_cells(options: Options, ends: Ends) -> Spec | None:
    """The edges between cells and vertices of an ICON grid."""
    return {"name": "icon-cells", "path": ends.path()}


def _scales(options: Options, ends: Ends, wanted: Any) -> Any:
    """How many scales, from the finest on, a list of levels is."""
    spec = ends.laid[ends.source].spec if ends.source in ends.laid else None
    finest = (spec or {}).get("region_refinement", (spec or {}).get("refinement"))
    levels = list(range(1, wanted + 1)) if isinstance(wanted, int) else wanted
    if not isinstance(finest, int) or not isinstance(levels, list):
        return GIVEN
    levels = sorted(level for level in set(levels) if level <= finest)
    if not levels or levels != list(range(levels[0], finest + 1)):
        options.refuse(f"scales are the finest ones, without a gap: levels {levels} of a mesh of {finest}")
        return None
    return len(levels) if levels[0] else None


EDGES: Mapping[str, Callable[[Options, Ends], Spec | None]] = {
    "KNNEdges": nearest("target"),
    "ReversedKNNEdges": nearest("source"),
    "MutualKNNEdges": nearest("both"),
    "CutOffEdges": cutoff("target"),
    "ReversedCutOffEdges": cutoff("source"),
    "MultiScaleEdges": multi_scale,
    "HEALPixMultiScaleEdges": multi_scale,
    "ICONTopologicalProcessorEdges": icon_mesh,
    "ICONTopologicalEncoderEdges": icon_cells,
    "ICONTopologicalDecoderEdges": icon_cells,
}
