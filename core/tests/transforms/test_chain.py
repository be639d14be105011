from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError, PluginError
from anemoi.core.interfaces import Transform
from anemoi.core.model import ForecastModel
from anemoi.core.objectives import Rollout
from anemoi.core.transforms import Chain, build_chain, measured
from anemoi.core.variable import Role, Variable

from .conftest import make_domain, moments

SPECS = {
    "bounds": {
        "name": "bounding",
        "relu": ["tp", "q_*"],
        "hardtanh": {"tcc": [0, 1]},
        "fraction": {"cp": "tp"},
    },
    "fill": {"name": "imputer", "constant": {"ice": 0.0}},
    "remap": {"name": "remapper", "log1p": ["tp"], "cube_root": ["q_*"], "angle": ["mwd"]},
    "scale": {"name": "normaliser", "std": ["q_*"], "min_max": ["tcc"], "none": ["cos_*", "sin_*"]},
}


def with_measured(specs, domain, fields):
    """What a trainer does: measure, then hand the moments on."""
    found = measured(specs, domain)
    if found is None:
        return domain
    values = found.apply(torch.tensor(fields), domain.names).numpy()
    rows = {name: moments(values[..., place]) for place, name in enumerate(found.names)}
    return replace(domain, measured=rows)


@pytest.fixture
def chain(domain, fields):
    return build_chain(SPECS, with_measured(SPECS, domain, fields))


class Scaled(Transform):
    """Has no inverse, and touches the forcings that it is told."""

    def __init__(self, *, domain: Domain, only: tuple[str, ...] = ()) -> None:
        super().__init__(domain=domain)
        self.only = only

    @property
    def touches(self) -> frozenset[str]:
        return frozenset(self.only)

    def forward(self, values, names):
        return values * torch.tensor([2.0 if name in self.only else 1.0 for name in names])


def test_data_go_through_all_steps_in_order_and_back(chain, domain, fields):
    values = torch.tensor(fields)
    known = domain.names
    for step in chain.steps:
        values, known = step(values, known), step.renamed(known)
    assert torch.equal(chain(torch.tensor(fields), domain.names), values)
    assert chain.renamed(domain.names) == known == chain.after.names
    assert chain.before.names == domain.names
    assert values.isfinite().all()
    np.testing.assert_allclose(chain.inverse(values, domain.names), fields, rtol=1e-5, atol=1e-4)


def test_statistics_after_the_chain_are_those_of_what_it_gives(domain, fields):
    specs = {name: spec for name, spec in SPECS.items() if name != "fill"}
    domain = replace(domain, constants={}, missing={})
    chain = build_chain(specs, with_measured(specs, domain, fields))
    given = chain(torch.tensor(fields), domain.names).numpy()
    for row, found in enumerate((chain.after.statistics, chain.after.changes)):
        expected = np.stack([moments(given[..., place])[row] for place in range(given.shape[-1])])
        np.testing.assert_allclose(np.stack([*vars(found).values()], -1), expected, rtol=1e-4, atol=1e-5)


def test_an_empty_chain_changes_nothing(domain, fields):
    chain, x = build_chain({}, domain), torch.tensor(fields)
    assert chain(x, domain.names) is x
    assert chain.inverse(x, domain.names) is x
    assert chain.enforce(x) is x
    assert chain.after is domain


def random_data(rng):
    """Variables of any role, their fields ``(time, grid, variable)``, masks, and how to remap them."""
    variables, columns, missing, remap = [], [], {}, {"log1p": [], "cube_root": [], "angle": []}
    for number in range(rng.integers(2, 9)):
        name, role = f"v{number}", list(Role)[rng.integers(3)]
        kind = [None, *remap][rng.integers(4)]
        values = rng.uniform(0, 359, (9, 12)) if kind == "angle" else rng.exponential(2, (9, 12))
        if kind in (None, "cube_root"):
            values = rng.normal() + values * 10 ** rng.uniform(-3, 2)
        if rng.random() < 0.4:
            missing[name] = np.arange(12) % rng.integers(2, 5) == 0
            values[:, missing[name]] = np.nan
        if kind:
            remap[kind].append(name)
        variables.append(Variable(name, role, may_be_missing=name in missing))
        columns.append(values)
    return variables, np.stack(columns, axis=-1).astype(np.float32), missing, remap


@pytest.mark.parametrize("seed", range(12))
def test_any_valid_data_of_any_domain_come_back(seed):
    rng = np.random.default_rng(seed)
    variables, fields, missing, remap = random_data(rng)
    domain = make_domain(variables, fields, missing=missing)
    steps = {"remap": {"name": "remapper", **remap}, "fill": {"name": "imputer"}}
    if rng.random() < 0.5:
        steps = dict(reversed(steps.items()))
    steps["scale"] = {"name": "normaliser", "default": ["mean-std", "std", "max", "min-max"][rng.integers(4)]}
    chain = build_chain(steps, with_measured(steps, domain, fields))
    for _ in range(5):
        names = tuple(map(str, rng.permutation(domain.names)[: rng.integers(1, len(domain.names) + 1)]))
        x = torch.tensor(fields[..., domain.columns(names)])
        given = chain(x, names)
        assert given.isfinite().all()
        assert given.shape[-1] == len(chain.renamed(names))
        size = np.nanmax(np.abs(x.numpy()), axis=(0, 1))
        np.testing.assert_allclose(chain.inverse(given, names).numpy() / size, x.numpy() / size, atol=1e-5)


def test_what_is_enforced_holds_and_the_rest_stays_to_the_bit(chain, domain):
    assert set(chain.enforced) == {"q_500", "q_850", "sst", "tp", "cp", "tcc"}
    after = chain.after.outputs
    outputs = 2 * torch.randn(3, 2, 12, len(after), generator=torch.Generator().manual_seed(1))
    before = outputs.clone()
    enforced = chain.enforce(outputs)
    assert torch.equal(outputs, before)
    free = [after.index(name) for name in ("t_850", "cos_mwd", "sin_mwd")]
    assert torch.equal(enforced[..., free], outputs[..., free])
    names = ("tp", "cp", "tcc", "q_500", "sst")
    physical = dict(zip(domain.outputs, chain.inverse(enforced, domain.outputs).unbind(-1), strict=True))
    for name in names[:4]:
        assert (physical[name] >= 0).all(), name
        assert (physical[name] == 0).any(), name
    assert (physical["cp"] <= physical["tp"]).all()
    assert (physical["tcc"] <= 1).all()
    land = torch.tensor(domain.missing["sst"])
    assert torch.equal(physical["sst"].isnan(), land.expand_as(physical["sst"]))
    assert (enforced[..., after.index("sst")][..., land].abs() < 1e-6).all()  # the mean, normalised
    # What is written and what a rollout starts from are the same state.
    direct = dict(zip(domain.outputs, chain.inverse(outputs, domain.outputs).unbind(-1), strict=True))
    for name in names:
        np.testing.assert_allclose(physical[name], direct[name], rtol=1e-4, atol=1e-6)


def test_what_a_later_step_enforces_under_a_new_name_is_enforced(domain, fields):
    domain = replace(domain, missing={"mwd": domain.missing["sst"]})
    specs = {
        "remap": {"name": "remapper", "angle": ["mwd"]},
        "fill": {"name": "imputer", "constant": {"*_mwd": 0.5}},
    }
    chain = build_chain(specs, with_measured(specs, domain, fields))
    assert chain.enforced == ("mwd",)
    outputs = torch.randn(12, len(chain.after.outputs))
    land = torch.tensor(domain.missing["mwd"])
    enforced = chain.enforce(outputs)
    for name in ("cos_mwd", "sin_mwd"):
        assert (enforced[land, chain.after.outputs.index(name)] == 0.5).all()
    out = chain.inverse(enforced, domain.outputs)
    assert torch.equal(out[:, domain.outputs.index("mwd")].isnan(), land)


def test_to_enforce_twice_is_to_enforce_once(chain):
    outputs = 2 * torch.randn(5, 12, len(chain.after.outputs), generator=torch.Generator().manual_seed(2))
    once = chain.enforce(outputs)
    torch.testing.assert_close(chain.enforce(once), once, rtol=1e-5, atol=1e-5)


def test_nothing_to_enforce_costs_nothing(domain):
    specs = {"scale": {"name": "normaliser"}, "fill": {"name": "imputer"}}
    chain = build_chain(specs, replace(domain, missing={}))
    outputs = torch.randn(12, len(chain.after.outputs))
    assert chain.enforce(outputs) is outputs


def test_gradients_through_what_is_enforced_are_finite(chain):
    for values in (
        torch.randn(4, 12, len(chain.after.outputs)),
        torch.zeros(4, 12, len(chain.after.outputs)),
    ):
        outputs = values.requires_grad_()
        chain.enforce(chain.enforce(outputs)).square().sum().backward()
        assert outputs.grad.isfinite().all()


def test_a_transform_without_an_inverse_serves_forcings_alone(domain, pick):
    chain = Chain([Scaled(domain=domain, only=("ice", "lsm"))], domain)
    x = pick("t_850", "lsm")
    assert torch.equal(chain(x, ("t_850", "lsm")), x * torch.tensor([1.0, 2.0]))
    assert chain.inverse(x, ("t_850", "tp")) is x
    with pytest.raises(
        ConfigError, match=r"Scaled has no inverse, so it cannot be applied to q_500, tp(.|\n)*forcings"
    ):
        Chain([Scaled(domain=domain, only=("tp", "q_500", "lsm"))], domain)


def test_what_has_to_be_measured_is_known_without_statistics(domain, fields):
    unknown = Statistics(*(np.full(len(domain.names), np.nan) for _ in range(4)))
    bare = replace(domain, statistics=unknown, changes=unknown, constants={}, missing={})
    found = measured(SPECS, bare)
    assert set(found.names) == {"tp", "q_500", "q_850", "cos_mwd", "sin_mwd"}
    assert set(found.sources) == {"tp", "q_500", "q_850", "mwd"}
    expected = {
        "tp": np.log1p(fields[..., domain.names.index("tp")]),
        "q_850": np.cbrt(fields[..., domain.names.index("q_850")]),
        "cos_mwd": np.cos(np.deg2rad(fields[..., domain.names.index("mwd")])),
    }
    some = ("mwd", "t_850", "tp", "q_850", "q_500")
    for names in (domain.names, some):
        values = found.apply(torch.tensor(fields[..., domain.columns(names)]), names)
        assert values.shape == (*fields.shape[:-1], 5)
        for name, each in expected.items():
            np.testing.assert_allclose(values[..., found.names.index(name)], each, rtol=1e-5, atol=1e-6)


def test_nothing_is_measured_for_those_that_need_nothing(domain):
    assert measured({name: SPECS[name] for name in ("bounds", "fill")}, domain) is None
    assert measured({"remap": {"name": "remapper"}}, domain) is None
    assert measured({}, domain) is None


def test_two_remappers_are_measured_one_after_the_other(domain, fields):
    specs = {"a": {"name": "remapper", "angle": ["mwd"]}, "b": {"name": "remapper", "log1p": ["tp"]}}
    found = measured(specs, domain)
    assert found.names == ("cos_mwd", "sin_mwd", "tp")
    chain = build_chain(specs, with_measured(specs, domain, fields))
    given = chain(torch.tensor(fields), domain.names)[..., chain.after.names.index("tp")].double()
    assert chain.after.statistics.mean[chain.after.names.index("tp")] == pytest.approx(given.mean().item())


def test_to_measure_what_is_scaled_already_is_refused_before_any_data(domain):
    wrong = {"scale": {"name": "normaliser"}, "remap": {"name": "remapper", "log1p": ["tp"]}}
    with pytest.raises(ConfigError, match=r"changes the scale of tp(.|\n)*Put it before"):
        measured(wrong, domain)
    with pytest.raises(ConfigError, match="changes the scale of tp"):
        build_chain(wrong, replace(domain, measured={"tp": np.zeros((2, 4))}))
    right = {"scale": {"name": "normaliser", "none": ["tp"]}, "remap": {"name": "remapper", "log1p": ["tp"]}}
    assert measured(right, domain).names == ("tp",)


def test_to_remap_twice_is_refused(domain):
    twice = {"a": {"name": "remapper", "log1p": ["tp"]}, "b": {"name": "remapper", "cube_root": ["tp"]}}
    with pytest.raises(ConfigError, match="tp is remapped twice"):
        measured(twice, domain)


@pytest.mark.parametrize("function", [build_chain, measured])
def test_mistakes_name_the_step(domain, function):
    with pytest.raises(ConfigError, match=r"scale: .*(.|\n)*strd: not an option"):
        function({"scale": {"name": "normaliser", "strd": ["tp"]}}, domain)
    with pytest.raises(ConfigError, match=r"scale: (.|\n)*Sequence\[str\], got 't_850'"):
        function({"scale": {"name": "normaliser", "std": "t_850"}}, domain)
    with pytest.raises(ConfigError, match=r"scale: std: no variable is called 't_85'"):
        function({"scale": {"name": "normaliser", "std": ["t_85"]}}, domain)
    with pytest.raises(
        PluginError, match=r"scale: There is no transform called 'normalizer'(.|\n)*normaliser"
    ):
        function({"scale": {"name": "normalizer"}}, domain)
    with pytest.raises(ConfigError, match=r"mine: (.|\n)*trust"):
        function({"mine": {"_target_": "os.system"}}, domain)


def test_what_was_not_measured_names_the_step(domain):
    with pytest.raises(ConfigError, match=r"remap: The statistics of q_500 after the remapper"):
        build_chain(SPECS, domain)


def test_it_has_no_weights_and_can_be_copied(chain, domain, fields):
    assert not chain.state_dict()
    assert not list(chain.parameters())
    x = torch.tensor(fields)
    assert torch.equal(deepcopy(chain)(x, domain.names), chain(x, domain.names))


def test_it_goes_where_the_module_goes(chain, domain, fields):
    x = torch.tensor(fields)
    outputs = torch.randn(12, len(chain.after.outputs))
    chain.inverse(chain(x, domain.names), domain.names)
    chain.enforce(outputs)
    moved = chain.to("meta")
    assert moved.inverse(moved(x.to("meta"), domain.names), domain.names).device.type == "meta"
    assert moved.enforce(outputs.to("meta")).device.type == "meta"


def test_what_inference_has_made_serves_a_training(chain):
    outputs = torch.randn(12, len(chain.after.outputs))
    with torch.inference_mode():
        chain.enforce(outputs)
    outputs.requires_grad_()
    chain.enforce(outputs).sum().backward()
    assert outputs.grad.isfinite().all()


def test_inputs_are_enforced_as_outputs_are(chain):
    model = ForecastModel(network=nn.Identity(), transforms={"data": chain}, steps={}, objective=Rollout())
    after = chain.after
    inputs = 2 * torch.randn(1, 2, 3, 12, len(after.inputs), generator=torch.Generator().manual_seed(1))
    before = inputs.clone()
    found = model.enforce_inputs({"data": inputs})["data"]
    assert torch.equal(inputs, before)
    outputs = torch.zeros(1, 2, 3, 12, len(after.outputs))
    both = [name for name in after.inputs if name in after.outputs]
    for name in both:
        outputs[..., after.outputs.index(name)] = inputs[..., after.inputs.index(name)]
    enforced = chain.enforce(outputs)
    for place, name in enumerate(after.inputs):
        expected = enforced[..., after.outputs.index(name)] if name in both else inputs[..., place]
        assert torch.equal(found[..., place], expected), name
    assert not torch.equal(found, inputs)
