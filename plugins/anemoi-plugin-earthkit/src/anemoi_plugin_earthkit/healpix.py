"""The points of HEALPix grids (Górski et al., "HEALPix: A Framework for Discretization", 2005)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROW = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
_COLUMN = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])
"""Where the southern corner of each base pixel lies: its ring and its longitude, as in the paper."""


def nested(side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes of the centres of pixels in degrees, ``(12 side²,)``, in the nested order.

    Parameters
    ----------
    side
        How many pixels the side of each of the twelve base pixels has: a power of two.
    """
    face, within = np.divmod(np.arange(12 * side**2), side**2)
    x, y = _every_second_bit(within), _every_second_bit(within >> 1)
    ring = _ROW[face] * side - x - y - 1  # from 1 in the north to 4 side - 1, section 4.1
    north, south = ring < side, ring > 3 * side
    in_quadrant = np.where(north, ring, np.where(south, 4 * side - ring, side))
    z = np.where(
        north | south,
        (1.0 - in_quadrant**2 / (3.0 * side**2)) * np.where(south, -1.0, 1.0),
        (2 * side - ring) * 2.0 / (3.0 * side),
    )
    shift = np.where(north | south, 0, (ring - side) & 1)
    place = (_COLUMN[face] * in_quadrant + x - y + 1 + shift) // 2
    place = (place - 1) % (4 * in_quadrant) + 1
    longitude = (place - (shift + 1) * 0.5) * 90.0 / in_quadrant
    return np.rad2deg(np.arcsin(z)), longitude


def points(mapping: dict[str, Any], cells: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitudes and longitudes by the attributes of the grid mapping ``healpix`` of the CF conventions.

    Raises
    ------
    ValueError
        If they contradict each other or the number of cells.
    """
    side = (
        int(mapping["healpix_nside"]) if "healpix_nside" in mapping else 2 ** int(mapping["refinement_level"])
    )
    if cells != 12 * side**2:
        raise ValueError(f"{cells} cells are not the {12 * side**2} of {side} pixels to a side")
    latitudes, longitudes = nested(side)
    order = str(mapping.get("indexing_scheme", mapping.get("healpix_order", "nested")))
    if order in ("nested", "nest"):
        return latitudes, longitudes
    if order != "ring":
        raise ValueError(f"the order of cells is {order!r}, which is neither nested nor ring")
    # Ring by ring from the north, each from west to east.
    ordered = np.lexsort((longitudes, -np.round(latitudes, 9)))
    return latitudes[ordered], longitudes[ordered]


def _every_second_bit(number: NDArray[np.int64]) -> NDArray[np.int64]:
    found = np.zeros_like(number)
    for bit in range(31):
        found |= ((number >> (2 * bit)) & 1) << bit
    return found
