"""A mesh finer than memory allows is refused before it is built, with numbers."""

import numpy as np
import pytest
from anemoi.core.config import build
from anemoi.core.errors import ResourceError

from anemoi_plugin_graphs import memory
from anemoi_plugin_graphs.node_set import NodeSet

from .conftest import octahedral


def box(south, north, west, east, step):
    latitudes, longitudes = np.meshgrid(np.arange(south, north, step), np.arange(west, east, step))
    return NodeSet(latitudes.ravel(), longitudes.ravel())


GLOBE = {"data": NodeSet.of(octahedral(12))}
COUNTRY = {"data": box(45.0, 50.0, 0.0, 8.0, 0.25)}


@pytest.fixture(autouse=True)
def two_gigabytes(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 2_000_000_000)


@pytest.mark.parametrize(
    ("spec", "nodes", "numbers"),
    [
        ({"name": "icosahedral", "refinement": 12, "margin": None}, {}, "167,772,162 nodes"),
        ({"name": "icosahedral", "refinement": 14}, GLOBE, "2,684,354,562 nodes"),
        ({"name": "healpix", "refinement": 10}, {}, "12,582,912 nodes"),
        ({"name": "hexagonal", "refinement": 7, "margin": None}, {}, "98,825,162 nodes"),
    ],
    ids=["icosahedral", "around the globe", "healpix", "hexagonal"],
)
def test_a_mesh_of_the_globe_that_does_not_fit_is_refused_at_once(spec, nodes, numbers):
    if spec["name"] in ("healpix", "hexagonal"):
        pytest.importorskip({"healpix": "healpix", "hexagonal": "h3"}[spec["name"]])
    with pytest.raises(ResourceError, match=numbers) as caught:
        build("node_builder", spec).build(nodes)
    assert "GB to build; there are 2 GB of memory" in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "icosahedral", "refinement": 14},
        {"name": "stretched", "refinement": 2, "region_refinement": 14},
    ],
    ids=["icosahedral", "stretched"],
)
def test_over_a_region_its_area_counts(spec):
    with pytest.raises(ResourceError) as caught:
        build("node_builder", spec).build(COUNTRY)
    told = float(str(caught.value).split("about ")[1].split(" nodes")[0].replace(",", ""))
    area = np.deg2rad(8.25) * (np.sin(np.deg2rad(50.0)) - np.sin(np.deg2rad(44.75)))
    assert told == pytest.approx((10 * 4**14 + 2) * area / (4 * np.pi), rel=0.4)


def test_a_mesh_that_fits_is_built():
    fine = build("node_builder", {"name": "icosahedral", "refinement": 10}).build(COUNTRY)
    assert len(fine) > 2 * memory.SURE


def test_the_memory_of_the_machine_is_known(monkeypatch):
    monkeypatch.undo()
    assert 10**8 < memory.available_memory() < 10**15
