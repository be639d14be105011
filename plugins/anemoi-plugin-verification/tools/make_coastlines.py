"""Make ``coastlines.npz`` from Natural Earth's 1:110m land boundaries.

Natural Earth (https://www.naturalearthdata.com) is in the public domain. The file read here is
``land-110m.json`` of the npm package ``world-atlas`` 2.0.2 (ISC licence), which holds Natural Earth
4.1.0 as TopoJSON:

    npm pack world-atlas@2.0.2 && tar xf world-atlas-2.0.2.tgz
    python tools/make_coastlines.py package/land-110m.json src/anemoi_plugin_verification/coastlines.npz

The boundary of a polygon is no coast where it runs along the antimeridian, where polygons are cut,
or along the southern edge of Antarctica's: these parts are left out.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def lines(topology: dict) -> Iterator[NDArray[np.float64]]:
    """Each arc of a TopoJSON topology, ``(points, 2)`` longitudes and latitudes, less its cuts."""
    scale, translate = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    south = topology["bbox"][1] + 0.01
    for arc in topology["arcs"]:
        points = np.cumsum(arc, axis=0) * scale + translate
        on_cut = (np.abs(points[:, 0]) > 179.99) | (points[:, 1] < south)
        cut = on_cut[:-1] & on_cut[1:]  # segments between two such points
        yield from (line for line in np.split(points, np.flatnonzero(cut) + 1) if len(line) > 1)


def main() -> None:
    """Read the TopoJSON file and write the lines, to a hundredth of a degree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("topojson", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    parts = list(lines(json.loads(arguments.topojson.read_text())))
    np.savez_compressed(
        arguments.output,
        hundredths=np.rint(100 * np.concatenate(parts)).astype(np.int16),
        lengths=np.array([len(part) for part in parts], np.int16),
    )


if __name__ == "__main__":
    main()
