"""The backend for GPUs, forwards, as FlexAttention runs on any device; it has no gradient but on a GPU."""

import pytest
import torch

from anemoi_plugin_transformer.flex import FlexWindow
from anemoi_plugin_transformer.window import SlidingWindow


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("softcap", [None, 0.5])
@pytest.mark.parametrize(
    ("nodes", "window"), [(1, 0), (5, None), (128, 3), (300, 0), (300, 7), (700, 150), (700, 513), (300, 400)]
)
def test_equals_the_backend_that_runs_everywhere(nodes, window, softcap):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, nodes, 8).unbind()
    flex = FlexWindow(nodes=nodes, window=window, softcap=softcap, compile=False)
    blocks = SlidingWindow(nodes=nodes, window=window, softcap=softcap)
    torch.testing.assert_close(flex(query, key, value), blocks(query, key, value))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize(("nodes", "window"), [(5, None), (300, 7), (700, 150)])
def test_gradients_on_a_gpu_are_those_of_the_other_backend(nodes, window):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, nodes, 16, device="cuda", requires_grad=True).unbind()
    gradients = []
    for layer in (FlexWindow(nodes=nodes, window=window), SlidingWindow(nodes=nodes, window=window)):
        out = layer.cuda()(query, key, value)
        gradients.append(torch.autograd.grad(out.square().sum(), (query, key, value)))
    for ours, other in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-3, atol=1e-3)


def test_the_block_mask_leaves_out_what_no_window_reaches():
    mask = FlexWindow(nodes=128 * 40, window=256).mask
    visited = mask.kv_num_blocks + mask.full_kv_num_blocks
    assert int(visited.max()) == 5  # a block of 128, and 256 on either side
    assert int(mask.full_kv_num_blocks.max()) == 3
