import torch
from anemoi.core.graph import Nodes

from anemoi_plugin_transformer.ordering import by_latitude


def test_goes_from_south_to_north():
    latitudes = torch.tensor([10.0, -90.0, 45.0, 10.0])
    order = by_latitude(Nodes(latitudes, torch.zeros(4)))
    assert order.tolist() == [1, 0, 3, 2]
