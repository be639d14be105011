"""The node builders of anemoi-graphs as ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..neighbours import EARTH
from ..nodes.icosahedral import longest_edge
from .reading import GIVEN, Missing, Options

AREA = "in_area"
"""The name of the mask of nodes near others."""


@dataclass
class Laid:
    """One set of nodes.

    Parameters
    ----------
    spec
        What lays it; None for the points of a domain.
    attributes
        Masks that it needs.
    keep
        The mask of those that stay.
    reference
        The nodes that a mesh is laid near to, and what a mask of them says, for ``LimitedAreaMask``.
    """

    spec: dict[str, Any] | None
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    keep: str | None = None
    reference: dict[str, Any] | None = None


def domain(options: Options) -> Laid:
    """The points of a data set."""
    dataset = options.take("dataset")
    said = f" data.path={dataset}" if isinstance(dataset, str) and not isinstance(dataset, Missing) else ""
    options.note(f"these are the points of a domain, which come with its data{said}")
    return Laid(None)


def icosahedral(options: Options) -> Laid:
    """The triangular mesh."""
    refinement = _finest(options.take("resolution"))
    return Laid({"name": "icosahedral", "refinement": refinement, "margin": None, "pole": "edge"})


def hexagonal(options: Options) -> Laid:
    """The hexagonal mesh."""
    return Laid({"name": "hexagonal", "refinement": _finest(options.take("resolution")), "margin": None})


def healpix(options: Options) -> Laid:
    """The pixels of HEALPix."""
    return Laid({"name": "healpix", "refinement": options.take("resolution")})


def reduced_gaussian(options: Options) -> Laid:
    """A reduced Gaussian grid."""
    grid = options.take("grid", GIVEN)
    return Laid({"name": "reduced-gaussian", "grid": grid if isinstance(grid, Missing) else grid.upper()})


def npz_file(options: Options) -> Laid:
    """Places in a file of NumPy."""
    return _file(options, options.take("npz_file", GIVEN), "latitudes", "longitudes")


def xarray_file(options: Options) -> Laid:
    """Places in a NetCDF file."""
    path = options.take("dataset", GIVEN)
    if str(path).rstrip("/").endswith(".zarr"):
        options.refuse("places are read from NetCDF and .npz files, not from Zarr")
    return _file(options, path, "lat", "lon")


def places(options: Options) -> Laid:
    """Places that are written out."""
    return Laid({"name": "places", **{key: options.take(key, []) for key in ("latitudes", "longitudes")}})


def icon_vertices(options: Options) -> Laid:
    """The vertices of an ICON grid."""
    path, level = options.take("grid_filename", GIVEN), options.take("max_level")
    return Laid({"name": "icon", "path": path, "at": "vertices", "max_level": level})


def icon_cells(options: Options) -> Laid:
    """The cells of an ICON grid."""
    options.take("max_level")
    options.note("all cells of the grid are taken, whatever max_level says")
    return Laid({"name": "icon", "path": options.take("grid_filename", GIVEN), "at": "cells"})


def limited(lay: Callable[[Options], Laid]) -> Callable[[Options], Laid]:
    """The same nodes, and of them those near others."""

    def near(options: Options) -> Laid:
        reference = _near(options)
        laid = lay(options)
        assert laid.spec is not None
        if laid.spec["name"] == "icosahedral":
            laid.spec["margin"] = _margin(laid.spec["refinement"], reference["km"])
            laid.spec["around"] = [reference["nodes"]]
        return Laid(laid.spec, {AREA: reference}, AREA, reference)

    return near


def stretched(options: Options) -> Laid:
    """A mesh that is fine near some nodes."""
    reference = _near(options)
    coarse, fine = options.take("global_resolution", GIVEN), options.take("lam_resolution", GIVEN)
    spec = {
        "name": "stretched",
        "refinement": coarse,
        "region_refinement": fine,
        "region": reference["nodes"],
        "mask": reference.get("mask"),
        "margin": _margin(fine, reference["km"]),
        "pole": "edge",
    }
    # All nodes of the coarse mesh, which come first, and of the fine one those near the region.
    count = 10 * 4**coarse + 2 if isinstance(coarse, int) else GIVEN
    masks = {
        "coarse": {"name": "numbered", "stop": count},
        AREA: reference,
        "mesh": {"name": "combined-mask", "masks": ["coarse", AREA], "where": "any"},
    }
    return Laid(spec, masks, "mesh", reference)


def _finest(resolution: Any) -> Any:
    return max(resolution) if isinstance(resolution, list) and resolution else resolution


def _file(options: Options, path: Any, latitudes: str, longitudes: str) -> Laid:
    names = options.take("lat_key", latitudes), options.take("lon_key", longitudes)
    return Laid({"name": "file", "path": path, "latitudes": names[0], "longitudes": names[1]})


def _near(options: Options) -> dict[str, Any]:
    nodes, km = options.take("reference_node_name", GIVEN), options.take("margin_radius_km", 100.0)
    mask = options.take("mask_attr_name")
    return {"name": "near-nodes", "nodes": nodes, "km": km, **({"mask": mask} if mask else {})}


def _margin(refinement: Any, km: Any) -> float | None:
    """A margin in edges that reaches as far as one in km; None if that is not known."""
    if not isinstance(refinement, int) or not isinstance(km, int | float):
        return None
    return float(max(1, math.ceil(km / (longest_edge(refinement) * EARTH))))


NODES: Mapping[str, Callable[[Options], Laid]] = {
    "AnemoiDatasetNodes": domain,
    "ZarrDatasetNodes": domain,
    "TriNodes": icosahedral,
    "HexNodes": hexagonal,
    "HEALPixNodes": healpix,
    "ReducedGaussianGridNodes": reduced_gaussian,
    "NPZFileNodes": npz_file,
    "XArrayNodes": xarray_file,
    "LatLonNodes": places,
    "ICONMultiMeshNodes": icon_vertices,
    "ICONCellGridNodes": icon_cells,
    "LimitedAreaTriNodes": limited(icosahedral),
    "LimitedAreaHexNodes": limited(hexagonal),
    "LimitedAreaHEALPixNodes": limited(healpix),
    "LimitedAreaNPZFileNodes": limited(npz_file),
    "StretchedTriNodes": stretched,
}
