"""What a picture of a graph shows: nodes and edges in colours, coastlines, and where it looks from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import numpy as np
from anemoi.core.config.nearest import nearest
from anemoi.core.errors import ConfigError
from anemoi.core.graph import Graph
from numpy.typing import NDArray

NODE_COLOURS = ("#3d5a80", "#d1495b", "#e09f3e", "#00798c", "#6a4c93", "#386641")
EDGE_COLOURS = ("#2a9d8f", "#8d6a9f", "#c8553d", "#577590", "#bc6c25", "#4d908e", "#9a031e", "#5f0f40")

_REGIONAL = 0.5
"""The mean of all positions is this long or longer where they do not surround the globe."""

_DEFAULT_VIEW = (30.0, 10.0)
_MARGIN = 1.1


@dataclass(frozen=True)
class NodeLayer:
    """One set of nodes.

    Parameters
    ----------
    name, colour
        What it is called, and drawn in.
    positions
        ``(nodes, 3)``, unit vectors.
    attributes
        ``(nodes,)`` each, by name.
    shown
        Whether it is drawn at first.
    """

    name: str
    colour: str
    positions: NDArray[np.float64]
    attributes: dict[str, NDArray[np.float64]]
    shown: bool = True


@dataclass(frozen=True)
class EdgeLayer:
    """One set of edges.

    Parameters
    ----------
    source, target, colour
        The nodes that it joins, and what it is drawn in.
    pairs
        ``(edges, 2)``: a source and a target in each row.
    shown
        Whether it is drawn at first.
    """

    source: str
    target: str
    colour: str
    pairs: NDArray[np.int64]
    shown: bool

    @property
    def name(self) -> str:
        """As a user names it."""
        return f"{self.source}:{self.target}"


@dataclass(frozen=True)
class Scene:
    """All that is drawn.

    Parameters
    ----------
    nodes, edges
        All sets of both.
    coastlines
        ``(points, 3)`` each, unit vectors.
    view
        The latitude and longitude in the middle, degrees.
    reach
        How far from the middle the picture goes, in radii of the Earth.
    """

    nodes: tuple[NodeLayer, ...]
    edges: tuple[EdgeLayer, ...]
    coastlines: tuple[NDArray[np.float64], ...]
    view: tuple[float, float]
    reach: float


def scene_of(graph: Graph, shown: Sequence[str] = ()) -> Scene:
    """Make the picture of a graph.

    Parameters
    ----------
    shown
        What is drawn at first: names of nodes, and ``source:target`` of edges. By default all nodes, and the
        edges within a set; where there are none, all.

    Raises
    ------
    ConfigError
        If there is nothing of one of these names.
    """
    nodes = tuple(
        NodeLayer(
            name,
            NODE_COLOURS[number % len(NODE_COLOURS)],
            each.positions.numpy(),
            {label: values.double().numpy() for label, values in each.attributes.items()},
        )
        for number, (name, each) in enumerate(graph.nodes.items())
    )
    within = any(source == target for source, target in graph.edges)
    edges = tuple(
        EdgeLayer(
            source,
            target,
            EDGE_COLOURS[number % len(EDGE_COLOURS)],
            np.stack([each.source.numpy(), each.target.numpy()], axis=-1),
            source == target or not within,
        )
        for number, ((source, target), each) in enumerate(graph.edges.items())
    )
    if shown:
        layers: tuple[NodeLayer | EdgeLayer, ...] = (*nodes, *edges)
        known = [each.name for each in layers]
        if absent := [name for name in shown if name not in known]:
            raise ConfigError(
                f"There is nothing called {absent[0]!r} to show.", fix=nearest(absent[0], known)
            )
        nodes = tuple(replace(each, shown=each.name in shown) for each in nodes)
        edges = tuple(replace(each, shown=each.name in shown) for each in edges)
    view, reach = _view(np.concatenate([each.positions for each in nodes]))
    return Scene(nodes, edges, _coastlines(), view, reach)


def once(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edges within a set, each once whichever way it goes."""
    ordered = np.sort(pairs, axis=1)
    keys = np.unique(ordered[:, 0] * (int(ordered.max(initial=0)) + 1) + ordered[:, 1])
    return np.stack(np.divmod(keys, int(ordered.max(initial=0)) + 1), axis=-1)


def to_positions(latitudes: NDArray[np.float64], longitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Degrees as unit vectors, ``(points, 3)``."""
    north, east = np.deg2rad(latitudes), np.deg2rad(longitudes)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)


def _view(positions: NDArray[np.float64]) -> tuple[tuple[float, float], float]:
    """Where to look, and how much of the globe to show: a region is filled, the globe shown whole."""
    middle = positions.mean(axis=0)
    length = float(np.linalg.norm(middle))
    if length < _REGIONAL:
        return _DEFAULT_VIEW, 1.0
    middle = middle / length
    latitude, longitude = np.arcsin(middle[2]), np.arctan2(middle[1], middle[0])
    angle = float(np.arccos(np.clip(positions @ middle, -1.0, 1.0)).max())
    reach = min(1.0, _MARGIN * float(np.sin(min(angle, np.pi / 2)))) if angle > 0.0 else 0.1
    return (float(np.rad2deg(latitude)), float(np.rad2deg(longitude))), max(reach, 0.01)


def _coastlines() -> tuple[NDArray[np.float64], ...]:
    """Those that anemoi-plugin-verification brings; none without it."""
    try:
        stored_at = files("anemoi_plugin_verification") / "coastlines.npz"
        with stored_at.open("rb") as file, np.load(file) as stored:
            points, lengths = stored["hundredths"] / 100.0, stored["lengths"]
    except (ModuleNotFoundError, FileNotFoundError):
        return ()
    lines = np.split(to_positions(points[:, 1], points[:, 0]), np.cumsum(lengths)[:-1])
    return tuple(lines)
