import numpy as np
import pytest
import torch

from anemoi.core.errors import ConfigError
from anemoi.core.transforms import Bounding


def wide(*shape):
    return 3 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_bounds_hold_exactly_and_leave_what_is_within(domain):
    names = ("t_850", "tp", "q_500", "tcc")
    bounding = Bounding(domain=domain, relu={"tp": 0.1, "q_*": -0.3}, hardtanh={"tcc": (0.0, 1.0)})
    x = wide(50, 12, 4)
    out = bounding.inverse(x, names)
    low = torch.tensor([-np.inf, 0.1, -0.3, 0.0], dtype=torch.float32)
    high = torch.tensor([np.inf, np.inf, np.inf, 1.0])
    assert torch.equal(out, torch.minimum(torch.maximum(x, low), high))
    assert (out == low).any(dim=(0, 1)).tolist() == [False, True, True, True]
    assert torch.equal(bounding(x, names), x)


def test_a_list_is_bounded_at_zero(domain):
    x = wide(12, 2)
    assert torch.equal(Bounding(domain=domain, relu=["?p"]).inverse(x, ("tp", "cp")), x.relu())


def test_a_fraction_lies_between_zero_and_its_total_once_that_is_bounded(domain):
    bounding = Bounding(domain=domain, fraction={"cp": "tp"}, relu=["tp"])
    out = bounding.inverse(wide(200, 12, 2), ("cp", "tp"))
    cp, tp = out.unbind(-1)
    assert ((cp >= 0) & (cp <= tp)).all()
    assert ((cp > 0) & (cp < tp)).any()
    assert bounding.enforces == {"cp", "tp"}
    assert bounding.touches == {"cp", "tp"}


def test_a_fraction_of_a_total_without_a_bound_has_its_sign(domain):
    bounding = Bounding(domain=domain, fraction={"cp": "tp"})
    x = wide(200, 12, 2)
    cp, tp = bounding.inverse(x, ("cp", "tp")).unbind(-1)
    assert torch.equal(tp, x[..., 1])
    assert (cp * tp >= 0).all()
    assert (cp.abs() <= tp.abs()).all()
    assert torch.equal(
        cp, torch.where(tp < 0, x[..., 0].clamp(max=0).maximum(tp), x[..., 0].relu().minimum(tp))
    )
    assert bounding.touches == {"cp"}
    assert bounding.enforces == {"cp", "tp"}


def test_fractions_of_fractions_in_any_order_of_options(domain):
    for options in ({"tcc": "cp", "cp": "tp"}, {"cp": "tp", "tcc": "cp"}):
        bounding = Bounding(domain=domain, fraction=options, relu=["tp"])
        tcc, tp, cp = bounding.inverse(wide(200, 12, 3), ("tcc", "tp", "cp")).unbind(-1)
        assert ((tcc >= 0) & (tcc <= cp) & (cp <= tp)).all()


def test_leaky_forms_leave_a_part_and_a_gradient(domain):
    bounding = Bounding(
        domain=domain,
        leaky_relu={"q_500": 1.0},
        leaky_hardtanh={"tcc": (0.0, 1.0)},
        leaky_fraction={"cp": "tp"},
        relu=["tp"],
        slope=0.25,
    )
    names = ("q_500", "tcc", "cp", "tp")
    x = torch.tensor(
        [[-3.0, -2.0, 10.0, 2.0], [5.0, 3.0, -4.0, -8.0], [2.0, 0.5, 1.0, 2.0]], requires_grad=True
    )
    out = bounding.inverse(x, names)
    expected = [[0.0, -0.5, 4.0, 2.0], [5.0, 1.5, -1.0, 0.0], [2.0, 0.5, 1.0, 2.0]]
    assert out.tolist() == expected
    slopes = torch.autograd.grad(out[..., :3].sum(), x)[0]
    assert slopes[:, :2].tolist() == [[0.25, 0.25], [1.0, 0.25], [1.0, 1.0]]
    assert slopes[:, 2].tolist() == [0.25, 0.25, 1.0]


def test_gradients_are_finite_beyond_bounds_and_nans_go_on(domain):
    bounding = Bounding(domain=domain, relu=["tp"], fraction={"cp": "tp"})
    x = wide(100, 12, 2).requires_grad_()
    out = bounding.inverse(x, ("tp", "cp"))
    out.square().sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad[..., 0][x[..., 0] < 0] == 0).all()
    assert bounding.inverse(torch.full((1, 2), torch.nan), ("tp", "cp")).isnan().all()


def test_some_of_the_outputs_are_bounded_by_themselves_but_no_fraction_without_its_total(domain):
    bounding = Bounding(domain=domain, relu=["tp"], fraction={"cp": "tp"})
    assert torch.equal(bounding.inverse(-torch.ones(12, 1), ("tp",)), torch.zeros(12, 1))
    with pytest.raises(ConfigError, match="cp is a fraction of tp, and cannot be bounded without it"):
        bounding.inverse(torch.ones(12, 1), ("cp",))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hardtanh": {"tcc": (1.0, 0.0)}}, "hardtanh: the bounds of tcc cross: 1 is not below 0"),
        ({"leaky_hardtanh": {"tcc": (1.0, 1.0)}}, "the bounds of tcc cross"),
        ({"hardtanh": {"tcc": (np.nan, 1.0)}}, "the bounds of tcc cross"),
        ({"relu": ["lsm"]}, "relu: lsm is a forcing"),
        ({"fraction": {"cp": "insolation"}}, "fraction of cp: insolation is a forcing"),
        ({"fraction": {"ice": "tp"}}, "fraction: ice is a forcing"),
        ({"fraction": {"cp": "tpp"}}, r"fraction of cp: no output is called 'tpp'(.|\n)*tp"),
        ({"fraction": {"cp": "t*"}}, r"fraction of cp: no output is called 't\*'"),
        ({"relu": ["ls*"]}, r"relu: no output is called 'ls\*'"),
        ({"relu": {"tp": 0.0}, "leaky_relu": ["t*"]}, "tp is chosen twice"),
        ({"hardtanh": {"tcc": (0.0, 1.0), "tc*": (0.0, 2.0)}}, "tcc is chosen twice"),
        ({"fraction": {"cp": "tp", "tp": "cp"}}, "round in a circle: (cp of tp of cp|tp of cp of tp)"),
        ({"fraction": {"cp": "cp"}}, "round in a circle: cp of cp"),
        ({"slope": 1.0}, "slope: 1 is not between 0 and 1"),
    ],
)
def test_bad_options_are_refused(domain, options, message):
    with pytest.raises(ConfigError, match=message):
        Bounding(domain=domain, **options)
