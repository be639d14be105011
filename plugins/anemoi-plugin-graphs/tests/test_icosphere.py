from __future__ import annotations

import numpy as np
import pytest

from anemoi_plugin_graphs.icosphere import icosphere

LEVELS = range(6)


@pytest.mark.parametrize("refinement", LEVELS)
def test_euler_formula_holds(refinement):
    mesh = icosphere(refinement)
    vertices, edges, faces = 10 * 4**refinement + 2, 30 * 4**refinement, 20 * 4**refinement
    assert vertices - edges + faces == 2
    assert mesh.vertices.shape == (vertices, 3)
    assert [len(level) for level in mesh.edges] == [30 * 4**level for level in range(refinement + 1)]
    assert len(np.unique(mesh.vertices.round(9), axis=0)) == vertices
    assert len(np.unique(np.concatenate(mesh.edges), axis=0)) == sum(len(level) for level in mesh.edges)


@pytest.mark.parametrize("refinement", LEVELS)
def test_every_vertex_has_six_neighbours_but_the_twelve_corners_five(refinement):
    mesh = icosphere(refinement)
    degree = np.bincount(mesh.edges[-1].reshape(-1), minlength=len(mesh.vertices))
    assert (degree[:12] == 5).all()
    assert (degree[12:] == 6).all()


def test_vertices_lie_on_the_unit_sphere_and_balance():
    vertices = icosphere(5).vertices
    assert np.abs(np.linalg.norm(vertices, axis=-1) - 1.0).max() < 1e-15
    assert np.abs(vertices.mean(axis=0)).max() < 1e-15
    # The second moment of a body of icosahedral symmetry is that of the sphere.
    assert np.allclose(vertices.T @ vertices / len(vertices), np.eye(3) / 3.0, atol=1e-14)


def test_the_icosahedron_is_regular():
    mesh = icosphere(0)
    ends = mesh.vertices[mesh.edges[0]]
    angles = np.arccos((ends[:, 0] * ends[:, 1]).sum(axis=-1))
    assert np.allclose(angles, np.arctan(2.0), atol=1e-14)


@pytest.mark.parametrize("refinement", LEVELS[:-1])
def test_a_refinement_begins_with_the_one_before(refinement):
    coarse, fine = icosphere(refinement), icosphere(refinement + 1)
    assert np.array_equal(fine.vertices[: len(coarse.vertices)], coarse.vertices)
    for ours, theirs in zip(coarse.edges, fine.edges[:-1], strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("refinement", LEVELS[:-1])
def test_new_vertices_are_the_middles_of_the_edges_before(refinement):
    coarse, fine = icosphere(refinement), icosphere(refinement + 1)
    new = fine.vertices[len(coarse.vertices) :]
    ends = coarse.vertices[coarse.edges[-1]]
    cosines = np.einsum("ei,eki->ek", new, ends)
    half = np.arccos((ends[:, 0] * ends[:, 1]).sum(axis=-1)) / 2.0
    assert np.allclose(np.arccos(cosines), half[:, None], atol=1e-12)


def test_edges_of_a_refinement_are_of_nearly_one_length():
    # The shortest to the longest, as spread by the projection: below 1.2 at every refinement.
    for refinement in (1, 3, 5):
        mesh = icosphere(refinement)
        ends = mesh.vertices[mesh.edges[-1]]
        lengths = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=-1)
        assert lengths.max() / lengths.min() < 1.2
        assert mesh.longest_edge == lengths.max()


@pytest.mark.parametrize("refinement", LEVELS)
def test_no_vertex_is_on_a_pole_and_each_pole_is_the_middle_of_a_triangle(refinement):
    vertices = icosphere(refinement).vertices
    for pole in (1.0, -1.0):
        heights = np.sort(vertices[:, 2] * pole)[::-1]
        assert heights[0] < 1.0 - 1e-5
        assert np.ptp(heights[:3]) < 1e-12
        assert heights[2] - heights[3] > 1e-5


def test_the_middle_of_an_edge_lies_on_the_pole_if_wanted():
    """As in anemoi-graphs: the vertices are the corners of three golden rectangles along the axes."""
    mesh = icosphere(0, pole="edge")
    golden = (1 + 5**0.5) / 2
    wanted = {(0.0, y, z) for y in (1.0, -1.0) for z in (golden, -golden)}
    wanted |= {tuple(np.roll(each, turn)) for each in wanted for turn in (1, 2)}
    found = {tuple(each) for each in (mesh.vertices * np.hypot(1, golden)).round(9) + 0.0}
    assert found == {tuple(np.round(each, 9)) for each in wanted}
    assert np.isclose(icosphere(3, pole="edge").longest_edge, icosphere(3).longest_edge)
