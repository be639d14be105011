"""An interactive globe in one HTML file, which needs nothing from elsewhere."""

from __future__ import annotations

import base64
import html
import json
import zlib
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .scene import Scene


def page(scene: Scene, title: str) -> str:
    """The whole page: its template, and the scene as compressed numbers."""
    arrays: list[NDArray[Any]] = []

    def stored(values: NDArray[Any], kind: str) -> int:
        arrays.append(np.ascontiguousarray(values, dtype=kind))
        return len(arrays) - 1

    described = {
        "nodes": [
            {
                "name": each.name,
                "colour": each.colour,
                "shown": each.shown,
                "positions": stored(each.positions, "<f4"),
                "attributes": {name: stored(values, "<f4") for name, values in each.attributes.items()},
            }
            for each in scene.nodes
        ],
        "edges": [
            {
                "source": each.source,
                "target": each.target,
                "colour": each.colour,
                "shown": each.shown,
                "sources": stored(each.pairs[:, 0], "<u4"),
                "targets": stored(each.pairs[:, 1], "<u4"),
            }
            for each in scene.edges
        ],
        "coastlines": [stored(line, "<f4") for line in scene.coastlines],
        "view": scene.view,
        "reach": scene.reach,
    }
    described["arrays"] = [{"kind": each.dtype.str, "count": int(each.size)} for each in arrays]
    numbers = base64.b64encode(zlib.compress(b"".join(each.tobytes() for each in arrays), 6)).decode()
    # A name with </script> in it must not end the script.
    description = json.dumps(described, allow_nan=False).replace("<", "\\u003c")
    template = (files(__package__) / "globe.html").read_text(encoding="utf-8")
    for mark, text in (("TITLE", html.escape(title)), ("DESCRIPTION", description), ("NUMBERS", numbers)):
        template = template.replace(f"%{mark}%", text)
    return template
