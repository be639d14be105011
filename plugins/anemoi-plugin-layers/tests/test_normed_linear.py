"""Linear layers of a normalised state against the same layers one after the other."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from anemoi_plugin_layers import Norm, affine, blocks, normed_linear


class _Normed(nn.Module):
    def __init__(self, kind="layer_norm", condition_channels=0):
        super().__init__()
        self.norm = Norm(6, kind, condition_channels=condition_channels)
        self.first, self.second = nn.Linear(6, 4), nn.Linear(6, 9, bias=False)

    def forward(self, x, condition=None):
        return normed_linear(x, self.norm, [affine(self.first), affine(self.second)], condition)

    def plainly(self, x, condition=None):
        normed = self.norm(x, condition)
        return self.first(normed), self.second(normed)


class _Plainly(nn.Module):
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return self.module.plainly(*inputs)


@pytest.fixture(autouse=True)
def _blocks_of_ten_nodes_and_a_rest(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 8 * 10 * 6)


def _compare(ours, theirs, free):
    weights = [torch.randn_like(each) for each in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
    gradients, expected = (
        torch.autograd.grad(sum((each * by).sum() for each, by in zip(found, weights, strict=True)), free)
        for found in (ours, theirs)
    )
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("conditions", [0, 3])
@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm", "none"])
def test_equals_the_layers_one_after_the_other(kind, conditions):
    torch.manual_seed(0)
    module = _Normed(kind, conditions).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, 23, 6).double().requires_grad_()
    condition = torch.randn(3, conditions).double().requires_grad_() if conditions else None
    ours = module(x, condition)
    free = [x, *module.parameters(), *([condition] if conditions else [])]
    _compare(ours, module.plainly(x, condition), free)
    with torch.no_grad():
        assert all(torch.equal(*both) for both in zip(module(x, condition), ours, strict=True))


def test_uses_the_weights_of_the_pass_and_leaves_alone_what_is_frozen():
    torch.manual_seed(0)
    module, x = _Normed().double(), torch.randn(1, 23, 6).double()
    others = {name: torch.randn_like(each).requires_grad_() for name, each in module.named_parameters()}
    others["first.weight"].requires_grad_(False)
    others["norm.norm.bias"].requires_grad_(False)
    ours = functional_call(module, others, (x,))
    theirs = functional_call(
        _Plainly(module), {f"module.{name}": each for name, each in others.items()}, (x,)
    )
    _compare(ours, theirs, [each for each in others.values() if each.requires_grad])


def test_one_result_alone_may_be_used():
    torch.manual_seed(0)
    module, x = _Normed().double(), torch.randn(2, 23, 6).double().requires_grad_()
    (ours,) = torch.autograd.grad(module(x)[1].square().sum(), x)
    (theirs,) = torch.autograd.grad(module.plainly(x)[1].square().sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


def test_keeps_what_comes_in_and_nothing_else():
    module, x = _Normed(), torch.randn(2, 500, 6)
    known = {each.data_ptr() for each in (x, *module.parameters())}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each) or each, lambda each: each):
        module(x)
    assert {each.data_ptr() for each in kept} == known
