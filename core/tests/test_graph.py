import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from anemoi.core.errors import AnemoiError
from anemoi.core.graph import Edges, Graph, Nodes


def random_edges(num_source=9, num_target=6, count=40):
    rng = np.random.default_rng(0)
    source, target = rng.integers(num_source, size=count), rng.integers(num_target, size=count)
    target[target == 2] = 3  # one target without edges
    attributes = torch.from_numpy(np.stack([source, target], axis=1)).float()
    return torch.from_numpy(source), torch.from_numpy(target), attributes


def test_sorting_keeps_attributes_with_their_edges():
    source, target, attributes = random_edges()
    edges = Edges.sorted(source, target, attributes, ("s", "t"))
    expected = sorted(zip(target.tolist(), source.tolist(), strict=True))
    assert list(zip(edges.target.tolist(), edges.source.tolist(), strict=True)) == expected
    assert torch.equal(edges.attributes, torch.stack([edges.source, edges.target], dim=1).float())


def test_row_pointers_are_those_of_scipy():
    edges = Edges.sorted(*random_edges(), ("s", "t"))
    # Data that cannot cancel, and no duplicates summed: build from the pairs directly.
    expected = csr_matrix(
        (np.ones(len(edges)), (edges.target, np.arange(len(edges)))), shape=(6, len(edges))
    ).indptr
    assert edges.row_pointers(6).tolist() == expected.tolist()


def test_positions_are_unit_vectors_in_the_right_place():
    nodes = Nodes(torch.tensor([90.0, 0.0, 0.0]).double(), torch.tensor([17.0, 0.0, 90.0]).double())
    np.testing.assert_allclose(nodes.positions, [[0, 0, 1], [1, 0, 0], [0, 1, 0]], atol=1e-15)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Nodes(torch.zeros(3), torch.zeros(2)), "one longitude each"),
        (lambda: Nodes(torch.zeros(3), torch.zeros(3), {"area": torch.zeros(2)}), "attribute area"),
        (lambda: Edges(torch.zeros(2).long(), torch.tensor([1, 0]), torch.zeros(2, 0)), "sorted by target"),
        (lambda: Edges(torch.zeros(2).long(), torch.zeros(3).long(), torch.zeros(3, 0)), "one target each"),
        (lambda: Edges(torch.zeros(2).long(), torch.zeros(2).long(), torch.zeros(2, 1)), "attributes"),
        (
            lambda: Graph(
                {}, {("a", "b"): Edges(torch.zeros(1).long(), torch.zeros(1).long(), torch.zeros(1, 0))}
            ),
            "'a', not in the graph",
        ),
        (
            lambda: Graph(
                {"a": Nodes(torch.zeros(2), torch.zeros(2))},
                {("a", "a"): Edges(torch.tensor([2]), torch.tensor([0]), torch.zeros(1, 0))},
            ),
            "outside the 2 nodes 'a'",
        ),
    ],
)
def test_what_is_no_graph_is_refused(make, said):
    with pytest.raises(AnemoiError, match=said):
        make()
