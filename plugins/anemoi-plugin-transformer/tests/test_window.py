import math

import pytest
import torch

from anemoi_plugin_transformer.padded_window import PaddedWindow
from anemoi_plugin_transformer.window import SlidingWindow


def dense(query, key, value, window, softcap=None):
    nodes = query.shape[-2]
    apart = (torch.arange(nodes)[:, None] - torch.arange(nodes)).abs()
    score = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if softcap is not None:
        score = softcap * torch.tanh(score / softcap)
    if window is None:
        return score.softmax(-1) @ value
    return score.masked_fill(apart > window, -torch.inf).softmax(-1) @ value


@pytest.mark.parametrize(
    ("nodes", "window", "block"),
    [
        (50, 7, 16),
        (48, 7, 16),
        (50, 0, 16),
        (50, 49, 16),
        (50, 1000, 128),
        (50, None, 16),
        (1, 3, 16),
        (1, 0, 16),
        (2, 0, 1),
        (17, 40, 4),
        (17, 15, 4),
        (33, 16, 16),
        (33, 1, 16),
    ],
)
@pytest.mark.parametrize("softcap", [None, 0.5])
def test_equals_dense_attention_with_a_mask(nodes, window, block, softcap):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, nodes, 8, dtype=torch.float64, requires_grad=True).unbind()
    ours = SlidingWindow(nodes=nodes, window=window, block=block, softcap=softcap)(query, key, value)
    theirs = dense(query, key, value, window, softcap)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    weight = torch.randn_like(ours)
    gradients = torch.autograd.grad((ours * weight).sum(), (query, key, value))
    expected = torch.autograd.grad((theirs * weight).sum(), (query, key, value))
    for gradient, reference in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-10, atol=1e-12)


class Largest(torch.utils._python_dispatch.TorchDispatchMode):
    """The number of values of the largest tensor that any operation gives."""

    values = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.numel())
        return out


def test_no_tensor_grows_with_the_square_of_the_nodes():
    nodes, window, block = 4096, 32, 128
    layer = SlidingWindow(nodes=nodes, window=window, block=block)
    with Largest() as largest:
        layer(*torch.randn(3, 1, 1, nodes, 4).unbind())
    assert 0 < largest.values <= nodes * (block + 2 * window)
    assert all(buffer.numel() <= nodes * (block + 2 * window) for buffer in layer.buffers())


def test_the_gradients_of_slices_are_never_all_there_at_once():
    nodes, window, block, channels = 8192, 256, 32, 4
    layer = SlidingWindow(nodes=nodes, window=window, block=block)
    states = torch.randn(3, 1, 1, nodes, channels).unbind()
    for state in states:
        state.requires_grad_()
    with Largest() as largest:
        layer(*states).sum().backward()
    at_once = nodes // block * (block + 2 * window) * channels
    assert nodes * channels <= largest.values < at_once / 8


@pytest.mark.parametrize("window", [0, 3, 40, None])
def test_the_window_of_0_1_0_is_the_same_function(window):
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 37, 8, dtype=torch.float64) for _ in range(3))
    now = SlidingWindow(nodes=37, window=window, block=8)
    then = PaddedWindow(nodes=37, window=window, block=8)
    torch.testing.assert_close(then(query, key, value), now(query, key, value))
