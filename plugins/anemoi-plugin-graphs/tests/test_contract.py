"""The contracts of all that this distribution offers, with the options in ``conformance.yaml``."""

from anemoi_plugin_testing import ConfigContract, Contract, GraphContract, KindContract


class TestIcosahedral(GraphContract):
    name = "icosahedral"


class TestRecipe(GraphContract):
    name = "recipe"


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


class TestFileNodes(Contract):
    kind = "node_builder"
    name = "file"


class TestIcon(Contract):
    kind = "node_builder"
    name = "icon"


class TestSource(Contract):
    kind = "node_builder"
    name = "source"


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


class TestHexagonal(Contract):
    kind = "node_builder"
    name = "hexagonal"


class TestLatLon(Contract):
    kind = "node_builder"
    name = "lat-lon"


class TestPlaces(Contract):
    kind = "node_builder"
    name = "places"


class TestReducedGaussian(Contract):
    kind = "node_builder"
    name = "reduced-gaussian"


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


class TestNearNodes(Contract):
    kind = "node_attribute"
    name = "near-nodes"


class TestNumbered(Contract):
    kind = "node_attribute"
    name = "numbered"


class TestUniform(Contract):
    kind = "node_attribute"
    name = "uniform"
