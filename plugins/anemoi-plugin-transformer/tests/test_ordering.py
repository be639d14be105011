import torch
from anemoi.core.graph import Nodes

from anemoi_plugin_transformer.ordering import in_order


def test_goes_from_south_to_north():
    latitudes = torch.tensor([10.0, -90.0, 45.0, 10.0])
    order = in_order(Nodes(latitudes, torch.zeros(4)), "latitude")
    assert order.tolist() == [1, 0, 3, 2]


def test_nodes_can_keep_the_order_they_have():
    assert in_order(Nodes(torch.tensor([3.0, 1.0]), torch.zeros(2)), "given").tolist() == [0, 1]
