"""The icosahedral mesh: an icosahedron whose triangles are split in four again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.float64]
"""Unit vectors, ``(points, 3)``."""

Wanted = Callable[[Positions, float, int], NDArray[np.bool_]]
"""Chooses triangles by their middles, the largest distance from a middle to a corner, and their level."""

Pole = Literal["triangle", "edge"]
"""Whether the middle of a triangle of the icosahedron or the middle of an edge lies on each pole."""

GOLDEN = (1.0 + 5.0**0.5) / 2.0


@dataclass(frozen=True)
class Icosphere:
    """The vertices of the finest mesh, and the edges of every mesh on the way to it.

    The vertices of each refinement are the first of the next, so that an index means the same
    vertex in every mesh that has it.

    Parameters
    ----------
    vertices
        ``(10 * 4**refinement + 2, 3)``, unit vectors.
    edges
        For each level from 0 to the refinement, ``(30 * 4**level, 2)`` int64: the two ends of each
        edge, the lower index first, in increasing order.
    """

    vertices: NDArray[np.float64]
    edges: tuple[NDArray[np.int64], ...]

    @property
    def longest_edge(self) -> float:
        """The length of the longest edge of the finest mesh, straight through the unit sphere."""
        ends = self.vertices[self.edges[-1]]
        return float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1).max())


def icosphere(refinement: int, *, wanted: Wanted | None = None, pole: Pole = "triangle") -> Icosphere:
    """Split each triangle of the icosahedron into four, ``refinement`` times.

    The middle of every edge, pushed out to the sphere, becomes a vertex. By default the icosahedron
    stands with the middle of a triangle on each pole, as in GraphCast (Lam et al., "Learning skillful
    medium-range global weather forecasting", Science 382, 2023), so that no vertex of any
    refinement lies on a pole.

    Parameters
    ----------
    refinement
        How often to split.
    wanted
        Which triangles to split further; all by default. Of a mesh over a region no triangle is made
        anywhere else.
    pole
        How the icosahedron stands: anemoi-graphs has the middle of an edge on each pole.
    """
    vertices, faces = _icosahedron(pole)
    edges, side = _edges(faces)
    levels = [edges]
    for level in range(refinement):
        if wanted is not None:
            faces = faces[_wanted(vertices, faces, level, wanted)]
            edges, side = _edges(faces)
        middles = vertices[edges].sum(axis=1)
        middles /= np.linalg.norm(middles, axis=-1, keepdims=True)
        ab, bc, ca = (side + len(vertices)).T
        a, b, c = faces.T
        corners = [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = np.concatenate([np.stack(corner, axis=-1) for corner in corners])
        vertices = np.concatenate([vertices, middles])
        edges, side = _edges(faces)
        levels.append(edges)
    return Icosphere(vertices, tuple(levels))


def _wanted(vertices: Positions, faces: NDArray[np.int64], level: int, wanted: Wanted) -> NDArray[np.bool_]:
    middles = vertices[faces].mean(axis=1)
    middles /= np.linalg.norm(middles, axis=-1, keepdims=True)
    radius = np.linalg.norm(vertices[faces] - middles[:, None], axis=-1).max(initial=0.0)
    return wanted(middles, float(radius), level)


def _icosahedron(pole: Pole) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Make its 12 vertices and 20 triangles."""
    # Three golden rectangles, each across the other two; both poles are at first the middle of an edge.
    rectangle = [(0.0, y, z * GOLDEN) for y in (1, -1) for z in (1, -1)]
    vertices = np.array([np.roll(corner, turn) for turn in range(3) for corner in rectangle])
    vertices /= np.linalg.norm(vertices, axis=-1, keepdims=True)
    if pole == "triangle":
        # Turned to the middle of the triangle beside it, by half the supplement of the dihedral angle.
        tilt = np.arctan(GOLDEN**-2)
        cos, sin = np.cos(tilt), np.sin(tilt)
        vertices = vertices @ np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]]).T

    # Each vertex has its five neighbours at an angle of arctan(2), and the others much farther away.
    near = vertices @ vertices.T > 0.4
    faces = [
        (i, j, k)
        for i in range(12)
        for j in range(i + 1, 12)
        for k in range(j + 1, 12)
        if near[i, j] and near[j, k] and near[i, k]
    ]
    return vertices, np.array(faces, dtype=np.int64)


def _edges(faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find each edge once, ``(edges, 2)``, and those on the sides ab, bc, ca of each face, ``(faces, 3)``."""
    if not len(faces):
        return np.empty((0, 2), dtype=np.int64), np.empty((0, 3), dtype=np.int64)
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1), axis=-1)
    count = int(faces.max()) + 1
    keys, side = np.unique(sides[..., 0] * count + sides[..., 1], return_inverse=True)
    return np.stack(np.divmod(keys, count), axis=-1), side.reshape(faces.shape)
