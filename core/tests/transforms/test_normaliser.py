from dataclasses import replace

import numpy as np
import pytest
import torch

from anemoi.core.domain import Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.transforms import Normaliser

METHODS = {
    "mean_std": lambda x, s: (x - s.mean) / s.stdev,
    "std": lambda x, s: x / s.stdev,
    "max": lambda x, s: x / abs(s.maximum),
    "min_max": lambda x, s: (x - s.minimum) / (s.maximum - s.minimum),
    "none": lambda x, s: x,
}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_its_formula_chosen_and_by_default(domain, pick, method):
    names = ("q_850", "t_850")
    s = domain.statistics[domain.columns(names)]
    expected = METHODS[method](pick(*names).double().numpy(), s)
    chosen = Normaliser(domain=domain, default="std" if method == "none" else "none", **{method: names})
    default = Normaliser(domain=domain, default=method.replace("_", "-"))
    for normaliser in (chosen, default):
        np.testing.assert_allclose(normaliser(pick(*names), names), expected, rtol=1e-5, atol=1e-5)


def test_mean_std_is_what_0_1_computed_to_the_bit(domain, pick):
    names = ("t_850", "q_500", "lsm")
    s = domain.statistics[domain.columns(names)]
    mean, stdev = (torch.tensor(each, dtype=torch.float32) for each in (s.mean, s.stdev))
    normaliser, x = Normaliser(domain=domain), pick(*names)
    normalised = normaliser(x, names)
    assert torch.equal(normalised, (x - mean) / stdev)
    assert torch.equal(normaliser.inverse(normalised, names), normalised * stdev + mean)


@pytest.mark.parametrize("method", METHODS)
def test_statistics_after_it_are_those_of_what_it_gives(domain, fields, method):
    domain = replace(domain, missing={}, constants={})
    normaliser = Normaliser(domain=domain, default=method.replace("_", "-"))
    given = normaliser(torch.tensor(fields), domain.names).double().numpy()
    after = normaliser.after
    for values, found in ((given, after.statistics), (np.diff(given, axis=0), after.changes)):
        flat = values.reshape(-1, values.shape[-1])
        for function, each in zip(
            (np.nanmean, np.nanstd, np.nanmin, np.nanmax), vars(found).values(), strict=True
        ):
            np.testing.assert_allclose(function(flat, axis=0), each, rtol=1e-4, atol=1e-5)


def test_mean_std_leaves_exactly_zero_and_one(domain):
    after = Normaliser(domain=domain).after
    place = after.columns(("t_850", "q_500", "tp"))
    assert after.statistics.mean[place].tolist() == [0, 0, 0]
    assert after.statistics.stdev[place].tolist() == [1, 1, 1]
    np.testing.assert_array_equal(
        after.changes.stdev[place], (domain.changes.stdev / domain.statistics.stdev)[place]
    )


def test_computed_forcings_are_left_alone_unless_chosen(domain, pick):
    x = pick("insolation", "t_850")
    given = Normaliser(domain=domain)(x, ("insolation", "t_850"))
    assert torch.equal(given[..., 0], x[..., 0])
    assert not torch.equal(given[..., 1], x[..., 1])
    chosen = Normaliser(domain=domain, std=["insolation"])
    assert not torch.equal(chosen(x, ("insolation", "t_850"))[..., 0], x[..., 0])


@pytest.mark.parametrize("method", ["mean-std", "std", "min-max"])
def test_what_is_constant_everywhere_is_not_divided(domain, method):
    place = domain.names.index("lsm")
    # As sums leave it: not zero, but nothing that one may divide by.
    columns = dict(zip(vars(domain.statistics), (3.0, 1e-7, 3.0, 3.0), strict=True))
    for name, value in columns.items():
        array = getattr(domain.statistics, name).copy()
        array[place] = value
        columns[name] = array
    flat = replace(domain, statistics=Statistics(**columns), constants={"lsm": np.full(12, 3.0, np.float32)})
    normaliser = Normaliser(domain=flat, default=method)
    assert normaliser.scale[place] == 1
    assert normaliser.after.constants["lsm"].tolist() == ([3.0] if method == "std" else [0.0]) * 12


def test_constants_are_normalised_too_and_units_dropped(domain, pick):
    after = Normaliser(domain=domain, none=["q_*"]).after
    np.testing.assert_array_equal(
        after.constants["lsm"], Normaliser(domain=domain)(pick("lsm"), ("lsm",))[0, :, 0]
    )
    assert after["t_850"].units is None
    assert after["q_500"].units == "kg kg**-1"
    assert after["t_850"].level == 850


def test_any_variables_in_any_order(domain, fields):
    normaliser = Normaliser(domain=domain, std=["q_*"], none=["tcc"])
    whole = normaliser(torch.tensor(fields), domain.names)
    rng = np.random.default_rng(0)
    for size in range(1, len(domain.names)):
        names = tuple(rng.permutation(domain.names)[:size])
        places = domain.columns(names)
        assert torch.equal(
            normaliser(torch.tensor(fields[..., places]), names).nan_to_num(), whole[..., places].nan_to_num()
        )


def test_a_pattern_that_matches_nothing_tells_the_nearest_name(domain):
    with pytest.raises(ConfigError, match=r"std: no variable is called 't_85'(.|\n)*'t_850'"):
        Normaliser(domain=domain, std=["t_85"])
    with pytest.raises(ConfigError, match=r"max: no variable is called 'z_\*'"):
        Normaliser(domain=domain, max=["z_*"])


def test_two_methods_for_one_variable_are_refused(domain):
    with pytest.raises(ConfigError, match="q_500 is chosen twice: std and none"):
        Normaliser(domain=domain, std=["q_*"], none=["q_500"])
    Normaliser(domain=domain, std=["q_*", "q_500"])


def test_unknown_statistics_are_refused(domain):
    unknown = Statistics(*(np.full(len(domain.names), np.nan) for _ in range(4)))
    with pytest.raises(ConfigError, match="t_850 cannot be normalised by mean-std"):
        Normaliser(domain=replace(domain, statistics=unknown))
    Normaliser(domain=replace(domain, statistics=unknown), default="none")


def test_it_has_no_weights_and_goes_where_the_module_goes(domain, pick):
    normaliser = Normaliser(domain=domain)
    names = ("q_500", "t_850")
    normaliser(pick(*names), names)  # its indices are made on the CPU
    assert not normaliser.state_dict()
    moved = normaliser.to("meta")
    assert moved(pick(*names).to("meta"), names).device.type == "meta"
    assert {index.device.type for index in moved._columns._indices.values()} == {"cpu", "meta"}
