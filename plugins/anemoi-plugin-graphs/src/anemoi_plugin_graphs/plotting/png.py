"""A picture of a graph for a paper, by matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from anemoi.core.errors import AbsentError
from numpy.typing import NDArray

from .scene import EdgeLayer, Scene, once

_STEP = 0.04
"""Edges longer than this, in radians, are drawn as arcs of pieces no longer."""

_MANY = 6_000
"""Edges or nodes are drawn thinner where there are more."""


def picture(scene: Scene, title: str, *, dots: int = 300) -> bytes:
    """Draw what is shown of a scene, seen from far above its middle.

    Parameters
    ----------
    dots
        How many in an inch.

    Raises
    ------
    AbsentError
        Without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.collections import LineCollection
        from matplotlib.figure import Figure
    except ImportError as error:
        raise AbsentError(
            "Pictures need the package matplotlib, which is not installed.",
            requirement="anemoi-plugin-graphs[plot]",
            fix='Install it: pip install "anemoi-plugin-graphs[plot]", or write an .html file',
        ) from error
    figure = Figure(figsize=(7.0, 7.6), layout="constrained")
    axes = figure.add_subplot()
    turn = _turn(*scene.view)
    scale = scene.reach
    axes.set(
        xlim=(-1.02 * scale, 1.02 * scale), ylim=(-1.02 * scale, 1.02 * scale), aspect="equal", title=title
    )
    axes.set_axis_off()
    circle = np.linspace(0.0, 2.0 * np.pi, 721)
    axes.fill(
        np.cos(circle), np.sin(circle), facecolor="#f7f9fb", edgecolor="#9aa7b3", linewidth=0.8, zorder=0
    )
    positions = {each.name: each.positions @ turn.T for each in scene.nodes}
    for edges in scene.edges:
        if not edges.shown:
            continue
        lines = _arcs(edges, positions)
        thin = min(1.0, (_MANY / max(1, len(lines))) ** 0.5)
        # Edges of the coarser scales are drawn thicker.
        widths = [max(0.15, 0.4 * thin) * (1.0 + 0.35 * np.log2(len(line) - 1)) for line in lines]
        axes.add_collection(
            LineCollection(
                lines, colors=edges.colour, linewidths=widths, alpha=max(0.35, 0.9 * thin), zorder=1
            )
        )
    for line in scene.coastlines:
        axes.plot(*_front(line @ turn.T), color="#1d2730", linewidth=0.6, zorder=2)
    for nodes in scene.nodes:
        if nodes.shown:
            x, y, z = positions[nodes.name].T
            seen = (z > 0.0) & (np.maximum(np.abs(x), np.abs(y)) < 1.1 * scale)
            size = float(np.clip(16.0 * _MANY / 10 / max(1, seen.sum()), 0.12, 14.0))
            axes.scatter(x[seen], y[seen], s=size, color=nodes.colour, linewidths=0.0, zorder=3)
    _legend(axes, scene)
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
    return buffer.getvalue()


def _legend(axes: Any, scene: Scene) -> None:
    for nodes in scene.nodes:
        if nodes.shown:
            label = f"{nodes.name} ({len(nodes.positions):,})"
            axes.scatter([], [], s=24, color=nodes.colour, label=label)
    for edges in scene.edges:
        if edges.shown:
            label = f"{edges.source} → {edges.target} ({len(edges.pairs):,})"
            axes.plot([], [], color=edges.colour, label=label)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False, fontsize=9)


def _turn(latitude: float, longitude: float) -> NDArray[np.float64]:
    """The rotation that brings a place to the front: right, up and towards the eye, as rows."""
    north, east = np.deg2rad(latitude), np.deg2rad(longitude)
    return np.array(
        [
            [-np.sin(east), np.cos(east), 0.0],
            [-np.sin(north) * np.cos(east), -np.sin(north) * np.sin(east), np.cos(north)],
            [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)],
        ]
    )


def _arcs(edges: EdgeLayer, positions: dict[str, NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The edges on the near side, each as points in the plane."""
    pairs = once(edges.pairs) if edges.source == edges.target else edges.pairs
    start, end = positions[edges.source][pairs[:, 0]], positions[edges.target][pairs[:, 1]]
    seen = (start[:, 2] > 0.0) & (end[:, 2] > 0.0)
    start, end = start[seen], end[seen]
    angle = 2.0 * np.arcsin(np.minimum(np.linalg.norm(start - end, axis=-1) / 2.0, 1.0))
    pieces = np.maximum(1, np.ceil(angle / _STEP).astype(int))
    lines: list[NDArray[np.float64]] = []
    for count in np.unique(pieces):
        own = pieces == count
        share = np.linspace(0.0, 1.0, count + 1)[:, None]
        points = (1.0 - share) * start[own][:, None] + share * end[own][:, None]  # (edges, count + 1, 3)
        points /= np.linalg.norm(points, axis=-1, keepdims=True)
        lines += list(points[..., :2])
    return lines


def _front(line: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A line in the plane, with gaps where it is on the far side."""
    hidden = line[:, 2] <= 0.0
    return np.where(hidden, np.nan, line[:, 0]), np.where(hidden, np.nan, line[:, 1])
