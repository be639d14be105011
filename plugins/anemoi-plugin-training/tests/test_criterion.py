"""The loss of all domains: the numbers of 0.1, what is missing, lead times, several domains."""

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

from anemoi_plugin_training import Loss, Scaler
from anemoi_plugin_training.criterion import Criterion, DomainCriterion, build_criterion
from anemoi_plugin_training.losses.crps import ContinuousRankedProbabilityScore
from anemoi_plugin_training.losses.mse import MeanSquaredError
from anemoi_plugin_training.losses.spectral import SpectralError
from anemoi_plugin_training.scalers.area import AreaScaler
from anemoi_plugin_training.scalers.lead_time import LeadTimeScaler
from anemoi_plugin_training.scalers.nan_mask import NanMaskScaler
from anemoi_plugin_training.scalers.tendency import TendencyVarianceScaler
from anemoi_plugin_training.scalers.variable import VariableScaler

HOUR = np.timedelta64(3600, "s")
STEPS = Steps(inputs=(0 * HOUR,), outputs=(6 * HOUR, 12 * HOUR), step=12 * HOUR, interval=6 * HOUR)
LATITUDES, LONGITUDES = np.meshgrid(np.linspace(75, -75, 6), 30.0 * np.arange(12), indexing="ij")
GRID = Grid(LATITUDES.ravel(), LONGITUDES.ravel())
CHANGES = np.array([0.51, 0.23, 0.087])
LAND = GRID.longitudes < 100


def domain_of(missing=False, names=("t", "q", "sst"), changes=CHANGES):
    forcing = Variable(name="lsm", role=Role.FORCING)
    variables = (forcing, *(Variable(name=name, may_be_missing=missing) for name in names))
    changes = np.tile([np.nan, *changes], (4, 1))
    statistics = Statistics(*np.ones((4, len(variables))))
    return Domain(variables, GRID, 6 * HOUR, statistics, Statistics(*changes))


DEFAULT = (AreaScaler, TendencyVarianceScaler, VariableScaler, NanMaskScaler)


def criterion_of(loss=MeanSquaredError, scalers=DEFAULT, domain=None, **options):
    domain = domain or domain_of()
    built = [each(domain=domain, steps=STEPS) if isinstance(each, type) else each for each in scalers]
    return DomainCriterion(domain=domain, steps=STEPS, loss=loss(domain=domain, **options), scalers=built)


def pair(members=4, truths=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (3, 2, members, len(GRID), 3)
    prediction = torch.randn(shape, generator=generator)
    return prediction, torch.randn(shape, generator=generator)[:, :, :truths].contiguous()


def loss_of_01(prediction, target):
    """The loss that 0.1 trained on, in its own words."""
    areas = torch.from_numpy(GRID.areas).float()
    node_weights, variable_weights = areas / areas.sum(), torch.full((3,), 1 / 3)
    scale = torch.from_numpy(CHANGES).float()  # in the normalised space, tendency stdev / stdev
    error = (prediction / scale - target / scale).square() @ variable_weights
    return (error @ node_weights).mean()


def test_the_default_is_the_loss_of_01():
    prediction, target = pair(truths=4)
    found = criterion_of()(prediction, target)
    assert float(found) == pytest.approx(float(loss_of_01(prediction, target)), rel=1e-6)


def test_the_default_has_the_gradient_of_01():
    prediction, target = pair(truths=4)
    prediction.requires_grad_()
    (ours,) = torch.autograd.grad(criterion_of()(prediction, target), prediction)
    (theirs,) = torch.autograd.grad(loss_of_01(prediction, target), prediction)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-9)


def with_land(target):
    return torch.where(torch.from_numpy(LAND)[:, None] & (torch.arange(3) == 2), torch.nan, target)


@pytest.mark.parametrize("loss", [MeanSquaredError, ContinuousRankedProbabilityScore, SpectralError])
@pytest.mark.parametrize("scalers", [DEFAULT, (AreaScaler,)], ids=["masked", "unmasked"])
@pytest.mark.parametrize("truths", [1, 4])
def test_neither_loss_nor_gradient_depends_on_what_has_no_truth(loss, scalers, truths):
    criterion = criterion_of(loss, scalers, domain_of(missing=True))
    prediction, target = pair(truths=truths)
    other = torch.where(with_land(torch.zeros(len(GRID), 3)).isnan(), prediction + 100.0, prediction)
    values, gradients = [], []
    for each in (prediction, other):
        each = each.detach().requires_grad_()
        values.append(criterion(each, with_land(target)))
        gradients.append(torch.autograd.grad(values[-1], each)[0])
    assert values[0].isfinite()
    assert float(values[0].detach()) == pytest.approx(float(values[1].detach()), rel=1e-6)
    assert not gradients[0][..., LAND, 2].any()
    assert gradients[0][..., ~LAND, 2].all()
    torch.testing.assert_close(*gradients)


class Unweighted(Loss):
    def __init__(self, *, domain):
        super().__init__(domain=domain)

    def forward(self, prediction, target, weights):
        return (prediction - target).square().mean()


@pytest.mark.parametrize("truths", [1, 4])
def test_where_there_is_no_truth_there_is_no_error_either(truths):
    """What a loss makes of weights is its own affair."""
    criterion = criterion_of(Unweighted, (), domain_of(missing=True))
    prediction, target = pair(truths=truths)
    prediction = prediction[:, :, :truths].clone().requires_grad_()
    wanted = torch.where(with_land(target).isnan(), 0.0, prediction.detach() - target).square().mean()
    found = criterion(prediction, with_land(target))
    assert float(found.detach()) == pytest.approx(float(wanted), rel=1e-6)
    (gradient,) = torch.autograd.grad(found, prediction)
    assert not gradient[..., LAND, 2].any()


def test_what_is_left_of_a_masked_variable_counts_as_much_as_another():
    domain = domain_of(missing=True)
    prediction, target = pair()
    found = criterion_of(domain=domain)(prediction, with_land(target))
    areas = np.where(LAND[:, None] & (np.arange(3) == 2), 0, GRID.areas[:, None])
    squared = ((prediction - target).double().square().mean((0, 1, 2)).numpy()) / CHANGES**2
    assert float(found) == pytest.approx(np.average(squared, axis=0, weights=areas).mean(), rel=1e-5)


def test_a_prediction_of_nan_shows_even_where_there_is_no_truth():
    prediction, target = pair()
    prediction[0, 0, 0, np.flatnonzero(LAND)[0], 2] = torch.nan
    assert criterion_of(domain=domain_of(missing=True))(prediction, with_land(target)).isnan()


def test_weights_that_do_not_vary_are_computed_once():
    criterion = criterion_of()
    assert criterion.fixed.shape == (1, 1, 1, len(GRID), 3)
    assert criterion._weights(pair()[1], 0) is criterion.fixed


class Counting(Scaler):
    axes = ("time",)
    seen = ()

    def __init__(self):
        pass

    def weights(self, target, lead_times):
        assert target is None
        self.seen = (*self.seen, lead_times)
        return torch.tensor([lead_time / HOUR for lead_time in lead_times])


def test_weights_by_lead_time_follow_the_steps_of_a_rollout():
    scaler = Counting()
    criterion = criterion_of(scalers=(scaler,))
    prediction, target = pair()
    squared = (prediction - target).square().mean((0, 2, 3, 4))
    for step, hours in [(0, (6, 12)), (1, (18, 24)), (0, (6, 12)), (1, (18, 24))]:
        wanted = (squared * torch.tensor(hours)).mean()
        assert float(criterion(prediction, target, step=step)) == pytest.approx(float(wanted), rel=1e-5)
    assert scaler.seen == ((6 * HOUR, 12 * HOUR), (18 * HOUR, 24 * HOUR))


class Everything(Scaler):
    axes = ("batch", "time", "grid", "variable")

    def __init__(self, given):
        self.given = given

    def weights(self, target, lead_times):
        assert target.shape[-2:] == self.given.shape[-2:]
        return self.given


def test_all_weights_are_multiplied_over_their_axes():
    given = torch.rand(3, 2, len(GRID), 3, generator=torch.Generator().manual_seed(1))
    domain = domain_of()
    by_lead_time = LeadTimeScaler(domain=domain, steps=STEPS, weights={"12h": 0.3})
    by_variable = VariableScaler(domain=domain, steps=STEPS, weights={"q": 0.5})
    found = criterion_of(scalers=(AreaScaler, by_variable, by_lead_time, Everything(given)))(*pair())
    prediction, target = (each.double().numpy() for each in pair())
    weights = np.einsum(
        "g,v,t,btgv->btgv", GRID.areas / GRID.areas.mean(), np.array([1.2, 0.6, 1.2]), [1, 0.3], given
    )
    assert float(found) == pytest.approx((weights[:, :, None] * (prediction - target) ** 2).mean(), rel=1e-5)


def test_domains_are_averaged():
    parts = {"atmosphere": criterion_of(), "ocean.of.mine": criterion_of(scalers=())}
    one, other = pair(seed=1), pair(seed=2)
    fields = [dict(zip(parts, each, strict=True)) for each in zip(one, other, strict=True)]
    a, b = (float(part(*each)) for part, each in zip(parts.values(), (one, other), strict=True))
    assert float(Criterion(parts)(*fields)) == pytest.approx((a + b) / 2, rel=1e-6)
    weighted = Criterion(parts, weights={"atmosphere": 3.0})
    assert float(weighted(*fields)) == pytest.approx((3 * a + b) / 4, rel=1e-6)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ocen": 1.0}, "ocen has a weight"),
        ({"ocean": -1.0}, "ocean: -1"),
        ({"ocean": 0.0}, "ocean: 0"),
    ],
)
def test_wrong_weights_of_domains_are_refused(weights, message):
    with pytest.raises(ConfigError, match=message):
        Criterion({"ocean": criterion_of()}, weights=weights)


def test_nothing_to_train_is_refused():
    with pytest.raises(ConfigError, match="no domain has an output"):
        Criterion({})


def test_a_criterion_moves_with_what_it_precomputed():
    domain = domain_of(missing=True)
    criterion = criterion_of(scalers=(*DEFAULT, LeadTimeScaler), domain=domain).to("meta")
    prediction, target = (each.to("meta") for each in pair())
    assert criterion(prediction, target).device.type == "meta"


SCALERS = {
    "area": {"name": "area"},
    "tendency": {"name": "tendency-variance"},
    "variable": {"name": "variable"},
    "missing": {"name": "nan-mask"},
}
OCEAN = domain_of(missing=True, names=("sst", "u", "v"))


def build(loss="mse", scalers=SCALERS, domains=None, **options):
    domains = domains or {"data": domain_of()}
    return build_criterion({"name": loss}, scalers, domains, dict.fromkeys(domains, STEPS), **options)


def test_the_loss_of_01_is_built_from_a_configuration():
    prediction, target = pair(truths=4)
    found = build()({"data": prediction}, {"data": target})
    assert float(found) == pytest.approx(float(loss_of_01(prediction, target)), rel=1e-6)


def test_each_domain_is_built_its_own():
    criterion = build(domains={"atmosphere": domain_of(), "ocean": OCEAN}, weights={"ocean": 0.5})
    prediction, target = pair()
    one = criterion_of()(prediction, target)
    other = criterion_of(domain=OCEAN)(prediction, with_land(target))
    found = criterion(
        {"atmosphere": prediction, "ocean": prediction}, {"atmosphere": target, "ocean": with_land(target)}
    )
    assert float(found) == pytest.approx((float(one) + 0.5 * float(other)) / 1.5, rel=1e-6)


def test_a_domain_without_outputs_has_no_loss():
    forced = Domain(
        (Variable(name="lsm", role=Role.FORCING),), GRID, 6 * HOUR, *[Statistics(*np.ones((4, 1)))] * 2
    )
    prediction, target = pair()
    criterion = build(domains={"data": domain_of(), "land": forced})
    assert float(criterion({"data": prediction}, {"data": target})) == pytest.approx(
        float(criterion_of()(prediction, target))
    )
    with pytest.raises(ConfigError, match="no domain has an output"):
        build(domains={"land": forced})


def test_a_name_that_one_domain_has_is_right_in_all():
    scalers = {"variable": {"name": "variable", "weights": {"u": 0.5, "q": 0.5}}}
    build(scalers=scalers, domains={"atmosphere": domain_of(), "ocean": OCEAN})
    with pytest.raises(ConfigError, match=r"scalers\.variable names u, which is no output") as refusal:
        build(scalers=scalers, domains={"atmosphere": domain_of()})
    assert "There are: q, sst, t" in refusal.value.fix


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="share") as refusal:
        build(scalers={"europe": {"name": "region", "shar": 0.5}})
    assert "shar" in str(refusal.value)


def test_code_named_by_its_path_runs_only_if_it_is_trusted():
    by_path = {"_target_": "anemoi_plugin_training.scalers.area.AreaScaler"}
    with pytest.raises(ConfigError, match="trust"):
        build(scalers={"area": by_path})
    build(scalers={"area": by_path}, trust_code=True)


def test_samples_count_as_they_are_weighted():
    part = criterion_of(domain=domain_of(missing=True))
    prediction, target = pair(truths=1)
    target[1, 0, 0, 5, 2] = torch.nan
    weights = torch.tensor([0.0, 1.0, 3.0])
    each = [part(prediction[[i]], target[[i]]) for i in range(3)]
    criterion = Criterion({"data": part})
    weighted = criterion({"data": prediction}, {"data": target}, weights=weights)
    torch.testing.assert_close(weighted, (each[1] + 3 * each[2]) / 3)
    torch.testing.assert_close(criterion({"data": prediction}, {"data": target}), sum(each[1:], each[0]) / 3)
