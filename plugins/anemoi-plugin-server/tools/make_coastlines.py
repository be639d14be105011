"""Make ``coastlines.bin``, which the maps of the pages draw, from Natural Earth's land boundaries.

Natural Earth (https://www.naturalearthdata.com) is in the public domain. The file read here is
``land-50m.json`` of the npm package ``world-atlas`` 2.0.2 (ISC licence), which holds Natural Earth
4.1.0 as TopoJSON:

    npm pack world-atlas@2.0.2 && tar xf world-atlas-2.0.2.tgz
    cd src/anemoi_plugin_server/pages/static/map
    python ../../../../../tools/make_coastlines.py PACKAGE/land-50m.json coastlines.bin

The boundary of a polygon is no coast where it runs along the antimeridian, where polygons are cut,
or along the southern edge of Antarctica's: these parts are left out, and so are points nearer to the
last one than a pixel.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

APART = 0.1
"""How far apart the points of a line are at least, in degrees."""


def lines(topology: dict) -> Iterator[NDArray[np.float64]]:
    """Each arc of a TopoJSON topology, ``(points, 2)`` longitudes and latitudes, less its cuts."""
    scale, translate = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    south = topology["bbox"][1] + 0.01
    for arc in topology["arcs"]:
        points = np.cumsum(arc, axis=0) * scale + translate
        on_cut = (np.abs(points[:, 0]) > 179.99) | (points[:, 1] < south)
        cut = on_cut[:-1] & on_cut[1:]  # segments between two such points
        for line in np.split(points, np.flatnonzero(cut) + 1):
            if len(line) > 1:
                yield thinned(line)


def thinned(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """The line without points that are near the one kept before; its ends stay."""
    kept = [line[0]]
    for point in line[1:-1]:
        if np.hypot(*(point - kept[-1])) >= APART:
            kept.append(point)
    return np.array([*kept, line[-1]])


def main() -> None:
    """Write how many lines (uint32), their lengths (uint16), and their points in 0.01° (int16)."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("topojson", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    parts = list(lines(json.loads(arguments.topojson.read_text(encoding="utf-8"))))
    arguments.output.write_bytes(
        np.uint32(len(parts)).tobytes()
        + np.array([len(part) for part in parts], "<u2").tobytes()
        + np.rint(100 * np.concatenate(parts)).astype("<i2").tobytes()
    )


if __name__ == "__main__":
    main()
