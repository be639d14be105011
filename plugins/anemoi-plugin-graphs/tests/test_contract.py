"""The contracts of graph builders, of the parts of graphs, and of a package of configuration."""

from anemoi_plugin_testing import ConfigContract, Contract, GraphContract, KindContract


class TestIcosahedral(GraphContract):
    name = "icosahedral"
    options = {"refinement": 1}  # noqa: RUF012


class TestConfiguration(ConfigContract):
    name = "graphs"


class TestNodeBuilder(KindContract):
    name = "node_builder"


class TestEdgeBuilder(KindContract):
    name = "edge_builder"


class TestEdgeAttribute(KindContract):
    name = "edge_attribute"


class TestNodeAttribute(KindContract):
    name = "node_attribute"


class TestIcosahedralNodes(Contract):
    kind = "node_builder"
    name = "icosahedral"


class TestCutoff(Contract):
    kind = "edge_builder"
    name = "cutoff"


class TestMultiScale(Contract):
    kind = "edge_builder"
    name = "multi-scale"


class TestNearest(Contract):
    kind = "edge_builder"
    name = "nearest"


class TestLength(Contract):
    kind = "edge_attribute"
    name = "length"


class TestDirection(Contract):
    kind = "edge_attribute"
    name = "direction"


class TestArea(Contract):
    kind = "node_attribute"
    name = "area"


class TestHealpix(Contract):
    kind = "node_builder"
    name = "healpix"
    options = {"refinement": 2}  # noqa: RUF012


class TestHexagonal(Contract):
    kind = "node_builder"
    name = "hexagonal"
    options = {"refinement": 1}  # noqa: RUF012


class TestLatLon(Contract):
    kind = "node_builder"
    name = "lat-lon"
    options = {"step": 15.0}  # noqa: RUF012


class TestPlaces(Contract):
    kind = "node_builder"
    name = "places"


class TestReducedGaussian(Contract):
    kind = "node_builder"
    name = "reduced-gaussian"
    options = {"grid": "O8"}  # noqa: RUF012


class TestAzimuth(Contract):
    kind = "edge_attribute"
    name = "azimuth"


class TestDirectionalHarmonics(Contract):
    kind = "edge_attribute"
    name = "directional-harmonics"


class TestGaussianDistanceWeights(Contract):
    kind = "edge_attribute"
    name = "gaussian-distance-weights"


class TestRadialBasis(Contract):
    kind = "edge_attribute"
    name = "radial-basis"


class TestCombinedMask(Contract):
    kind = "node_attribute"
    name = "combined-mask"


class TestCosineLatitude(Contract):
    kind = "node_attribute"
    name = "cosine-latitude"


class TestInArea(Contract):
    kind = "node_attribute"
    name = "in-area"
    options = {"north": 30.0, "south": -30.0, "west": 170.5, "east": -90.5}  # noqa: RUF012


class TestNearNodes(Contract):
    kind = "node_attribute"
    name = "near-nodes"
    options = {"nodes": "hidden"}  # noqa: RUF012


class TestNumbered(Contract):
    kind = "node_attribute"
    name = "numbered"
    options = {"stop": 5}  # noqa: RUF012


class TestUniform(Contract):
    kind = "node_attribute"
    name = "uniform"
