import numpy as np
import pytest
from anemoi.core.errors import ConfigError
from anemoi.core.graph import DATA, HIDDEN
from anemoi.core.grid import Grid

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}


@pytest.fixture
def grid():
    latitudes, longitudes = np.meshgrid(np.arange(-85.0, 90.0, 10.0), np.arange(0.0, 360.0, 10.0))
    return Grid(latitudes.ravel(), longitudes.ravel())


def test_hidden_nodes_are_evenly_spread(grid):
    graph = {{ cookiecutter.__class }}(hidden_nodes=500).build({DATA: grid})
    hidden = graph.nodes[HIDDEN]
    areas = Grid(hidden.latitudes.numpy(), hidden.longitudes.numpy()).areas
    assert len(hidden) == 500
    assert areas.std() < 0.05 * areas.mean()


def test_a_grid_point_hears_the_nearest_hidden_nodes(grid):
    graph = {{ cookiecutter.__class }}(hidden_nodes=200, decoder_neighbours=3).build({DATA: grid})
    edges = graph.edges[HIDDEN, DATA]
    cosines = graph.nodes[DATA].positions @ graph.nodes[HIDDEN].positions.T
    for point in range(0, len(grid), 37):
        heard = edges.source[edges.target == point]
        assert set(heard.tolist()) == set(cosines[point].topk(3).indices.tolist())


def test_every_grid_point_is_heard(grid):
    edges = {{ cookiecutter.__class }}(hidden_nodes=200).build({DATA: grid}).edges[DATA, HIDDEN]
    assert set(edges.source.tolist()) == set(range(len(grid)))


def test_a_domain_with_the_name_of_the_hidden_nodes_is_refused(grid):
    with pytest.raises(ConfigError, match="cannot be named 'hidden'"):
        {{ cookiecutter.__class }}(hidden_nodes=200).build({HIDDEN: grid})


def test_too_few_nodes_are_refused():
    with pytest.raises(ConfigError, match="neighbours"):
        {{ cookiecutter.__class }}(hidden_nodes=5)
