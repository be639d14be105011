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
