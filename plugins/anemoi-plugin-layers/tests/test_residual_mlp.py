"""An MLP in blocks of nodes against the same layers in a row."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from anemoi_plugin_layers import MLP, Norm, add_mlp, blocks

OPTIONS = [{"activation": "gelu"}, {"activation": "tanh"}, {"implementation": "swiglu"}, {"extra_layers": 1}]


class _Added(nn.Module):
    def __init__(self, kind="layer_norm", condition_channels=0, in_blocks=True, **options):
        super().__init__()
        self.norm = Norm(6, kind, condition_channels=condition_channels)
        self.mlp = MLP(6, 12, 6, **options)
        self.in_blocks = in_blocks

    def forward(self, x, condition=None):
        if self.in_blocks:
            return add_mlp(x, self.norm, self.mlp, condition)
        return x + self.mlp(self.norm(x, condition))


@pytest.fixture(autouse=True)
def _blocks_of_ten_rows_or_five_and_a_rest(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 8 * 10 * 12)


def _compare(ours, theirs, free):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    weight = torch.randn_like(ours)
    gradients = torch.autograd.grad((ours * weight).sum(), free)
    expected = torch.autograd.grad((theirs * weight).sum(), free)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("conditions", [0, 3])
@pytest.mark.parametrize("kind", ["layer_norm", "rms_norm", "none"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_the_layers_in_a_row(options, kind, conditions):
    torch.manual_seed(0)
    module = _Added(kind, conditions, **options).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(3, 23, 6).double().requires_grad_()
    condition = torch.randn(3, conditions).double().requires_grad_() if conditions else None
    ours = module(x, condition)
    module.in_blocks = False
    theirs = module(x, condition)
    _compare(ours, theirs, [x, *module.parameters(), *([condition] if conditions else [])])
    with torch.no_grad():
        assert torch.equal(add_mlp(x, module.norm, module.mlp, condition), ours)


def test_uses_the_weights_of_the_pass_and_leaves_alone_what_is_frozen():
    torch.manual_seed(0)
    module, x = _Added().double(), torch.randn(1, 23, 6).double()
    others = {name: torch.randn_like(each).requires_grad_() for name, each in module.named_parameters()}
    others["mlp.out.bias"].requires_grad_(False)
    others["mlp.hidden.0.linear.weight"].requires_grad_(False)
    ours = functional_call(module, others, (x,))
    module.in_blocks = False
    theirs = functional_call(module, others, (x,))
    _compare(ours, theirs, [each for each in others.values() if each.requires_grad])


def test_keeps_what_comes_in_and_nothing_else():
    module, x = _Added(), torch.randn(2, 500, 6)
    known = {each.data_ptr() for each in (x, *module.parameters())}
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each) or each, lambda each: each):
        module(x)
    assert {each.data_ptr() for each in kept} == known
