from dataclasses import replace

import numpy as np
import pytest
import torch

from anemoi.core.domain import Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.transforms import Imputer


@pytest.fixture
def land(domain):
    return torch.tensor(domain.missing["sst"])


def test_by_default_the_mean_fills_in_what_may_be_missing(domain, pick, land):
    names = ("t_850", "sst", "ice")
    filled = Imputer(domain=domain)(pick(*names), names)
    for column, name in ((1, "sst"), (2, "ice")):
        mean = np.float32(domain.statistics.mean[domain.names.index(name)])
        assert (filled[:, land, column] == mean).all()
    assert torch.equal(filled[:, ~land], pick(*names)[:, ~land])
    assert torch.equal(filled[..., 0], pick("t_850")[..., 0])


@pytest.mark.parametrize(
    ("options", "sst", "ice"),
    [
        ({"default": "constant", "value": 7.0}, 7.0, 7.0),
        ({"constant": {"sst": 271.5, "ice": 0}}, 271.5, 0.0),
        ({"constant": ["sst"], "value": -1.0, "mean": ["ice"]}, -1.0, None),
        ({"constant": {"ice": None, "sst": 2.0}, "value": 0.5}, 2.0, 0.5),
    ],
)
def test_each_variable_has_its_own_value(domain, pick, land, options, sst, ice):
    filled = Imputer(domain=domain, **options)(pick("ice", "sst"), ("ice", "sst"))
    mean = np.float32(domain.statistics.mean[domain.names.index("ice")])
    assert (filled[:, land, 1] == sst).all()
    assert (filled[:, land, 0] == (mean if ice is None else ice)).all()


def test_the_mask_comes_back_exactly(domain, pick, land):
    names = ("sst", "q_500", "ice")
    imputer = Imputer(domain=domain)
    out = imputer.inverse(torch.randn(2, 3, 12, 3), names)
    assert torch.equal(out[..., 0].isnan(), land.expand(2, 3, 12))
    assert not out[..., 1].isnan().any()
    assert torch.equal(out[..., 2].isnan(), torch.tensor(domain.missing["ice"]).expand(2, 3, 12))
    whole = imputer.inverse(imputer(pick(*names), names), names)
    np.testing.assert_array_equal(whole, pick(*names))


def test_it_enforces_the_masks_of_outputs(domain):
    assert Imputer(domain=domain).enforces == {"sst"}
    assert Imputer(domain=replace(domain, missing={})).enforces == frozenset()


def test_a_nan_elsewhere_is_none_of_its_business(domain, pick):
    x = pick("t_850", "sst")
    x[3, 4, 0] = torch.nan
    filled = Imputer(domain=domain)(x, ("t_850", "sst"))
    assert filled.isnan().nonzero().tolist() == [[3, 4, 0]]
    chosen = Imputer(domain=domain, constant={"t_850": 1.0})(x, ("t_850", "sst"))
    assert chosen[3, 4, 0] == 1.0


def test_what_is_missing_now_and_then_is_filled_in_and_forecast(domain, pick, land):
    x = pick("sst")
    sea = int((~land).nonzero()[0])
    x[0, sea] = torch.nan
    imputer = Imputer(domain=domain)
    out = imputer.inverse(imputer(x, ("sst",)), ("sst",))
    assert out[0, sea].isfinite().all()


def test_gradients_are_finite_there_and_back(domain, pick):
    imputer, names = Imputer(domain=domain), ("sst", "t_850")
    x = torch.randn(12, 2, requires_grad=True)
    imputer(imputer.inverse(x, names), names).square().sum().backward()
    assert x.grad.isfinite().all()
    assert (x.grad[:, 0] == 0).tolist() == domain.missing["sst"].tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"default": "constant"},
        {"constant": ["sst"]},
        {"constant": {"sst": None}},
        {"constant": {"sst": np.nan}},
    ],
)
def test_an_imputer_without_a_value_is_refused(domain, options):
    with pytest.raises(ConfigError, match=r"no value to fill (\w+) in with(.|\n)*value: 0.0"):
        Imputer(domain=domain, **options)


def test_a_variable_without_a_mean_is_refused(domain):
    unknown = Statistics(*(np.full(len(domain.names), np.nan) for _ in range(4)))
    with pytest.raises(ConfigError, match="sst has no mean"):
        Imputer(domain=replace(domain, statistics=unknown))


def test_contradictions_and_unknown_names_are_refused(domain):
    with pytest.raises(ConfigError, match="sst is chosen twice"):
        Imputer(domain=domain, mean=["s*"], constant={"sst": 0.0})
    with pytest.raises(ConfigError, match=r"constant: no variable is called 'sts'(.|\n)*'sst'"):
        Imputer(domain=domain, constant={"sts": 0.0})
