import pytest
import torch
from anemoi.core.layers import MLP

from anemoi_plugin_graphtransformer import blockwise
from anemoi_plugin_graphtransformer.blockwise import run_mlp

OPTIONS = [{"activation": "gelu"}, {"activation": "tanh"}, {"implementation": "swiglu"}, {"extra_layers": 1}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_equals_the_mlp_as_it_is(options, monkeypatch):
    monkeypatch.setattr(blockwise, "_VALUES", 10 * 12)  # blocks of ten rows, or of five, and a rest
    torch.manual_seed(0)
    mlp, x = MLP(6, 12, 5, **options).double(), torch.randn(3, 11, 6).double().requires_grad_()
    ours, theirs = run_mlp(mlp, x), mlp(x)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    weight, free = torch.randn_like(ours), [x, *mlp.parameters()]
    gradients = torch.autograd.grad((ours * weight).sum(), free)
    expected = torch.autograd.grad((theirs * weight).sum(), free)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-12, atol=1e-13)
    with torch.no_grad():
        assert torch.equal(run_mlp(mlp, x), ours)


def test_keeps_the_hidden_state_once_and_without_a_gradient_never():
    mlp, x = MLP(4, 64, 4), torch.randn(1, 500, 4)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda each: kept.append(each) or each, lambda each: each):
        run_mlp(mlp, x)
        assert [each.shape for each in kept if each.numel() >= 500 * 64] == [(500, 64)]
        kept.clear()
        with torch.no_grad():
            run_mlp(mlp, x)
        assert not kept
