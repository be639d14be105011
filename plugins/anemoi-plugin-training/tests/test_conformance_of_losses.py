"""A wrong loss is caught by the check that names its fault, and no other; a right one by none."""

import pytest
import torch
from anemoi_plugin_testing import check, checks

from anemoi_plugin_training import Loss

WRONG = []


def caught_by(name):
    def register(component):
        WRONG.append(pytest.param(name, component, id=f"{name}-{component.__name__}"))
        return component

    return register


class Squared(Loss):
    def __init__(self, *, domain, power: float = 2.0):
        super().__init__(domain=domain)
        self.power = power

    def forward(self, prediction, target, weights):
        return self.weighted(self.error(prediction, target), weights)

    def error(self, prediction, target):
        return (prediction - target).abs().pow(self.power)

    def weighted(self, error, weights):
        return (weights * error).mean()


@caught_by("options_are_declared")
class UntypedOption(Squared):
    def __init__(self, *, domain, power=2.0):
        super().__init__(domain=domain, power=power)


@caught_by("builds")
class Fails(Squared):
    def __init__(self, *, domain):
        raise RuntimeError("no")


@caught_by("builds")
class OfWeights(Squared):
    """As a loss of 0.1 was built."""

    def __init__(self, *, node_weights: object = None, variable_weights: object = None):
        super().__init__(domain=None)


@caught_by("is_one_number")
class OnePerItem(Squared):
    def weighted(self, error, weights):
        return (weights * error).mean((1, 2, 3, 4))


@caught_by("is_one_number")
class OfSeveralMembersAlone(Squared):
    """The unbiased spread of one member is 0 / 0."""

    def error(self, prediction, target):
        fair = prediction.shape[2] / (prediction.shape[2] - 1) if prediction.shape[2] > 1 else torch.nan
        return super().error(prediction, target) * fair


@caught_by("is_zero_on_equality")
class Offset(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights) + 0.01


@caught_by("is_never_negative")
class Signed(Squared):
    """Lets errors of opposite sign cancel, but has a sensible gradient on one side."""

    def error(self, prediction, target):
        return prediction - target


@caught_by("has_a_gradient")
class Detached(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights).detach()


@caught_by("has_a_gradient")
class Uphill(Squared):
    def error(self, prediction, target):
        right = (prediction - target).square()
        return 2.0 * right.detach() - right


@caught_by("has_a_gradient_on_equality")
class RootOfZero(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights).sqrt()


@caught_by("honours_weights_of_cells")
class EveryCellAlike(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights.mean(3, keepdim=True))


@caught_by("honours_weights_of_variables")
class EveryVariableAlike(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights.mean(4, keepdim=True))


@caught_by("honours_weights_of_lead_times")
class EveryLeadTimeAlike(Squared):
    def weighted(self, error, weights):
        return super().weighted(error, weights.mean(1, keepdim=True))


@caught_by("spreads_weights")
class OverTheSumOfWeights(Squared):
    def weighted(self, error, weights):
        return (weights * error).sum() / weights.sum()


@caught_by("takes_one_truth_for_all_members")
class MoreForEachTruth(Squared):
    def forward(self, prediction, target, weights):
        return sum(
            super(MoreForEachTruth, self).forward(prediction, truth[:, :, None], weights)
            for truth in target.unbind(2)
        )


@caught_by("says_whether_it_scores_members")
class SaysThatItScoresMembers(Squared):
    scores_members = True


@caught_by("says_whether_it_scores_members")
class OfTheMean(Squared):
    """Rewards members whose errors cancel, and keeps it to itself."""

    def error(self, prediction, target):
        own = super().error(prediction, target)
        return own + super().error(prediction.mean(dim=2, keepdim=True), target)


@caught_by("is_least_at_the_mean")
class SaysThatTheMedianIsTheMean(Squared):
    least_at_mean = True

    def error(self, prediction, target):
        return (prediction - target).abs()


@caught_by("shows_a_prediction_of_nan")
class HidesDivergence(Squared):
    def error(self, prediction, target):
        return torch.where(prediction.isnan(), 0.0, super().error(prediction, target))


@caught_by("leaves_its_input_alone")
class WritesToTheTarget(Squared):
    def forward(self, prediction, target, weights):
        out = super().forward(prediction, target, weights)
        if not torch.is_grad_enabled():
            target.zero_()
        return out


@caught_by("moves_between_devices")
class WeightsStayBehind(Squared):
    def __init__(self, *, domain):
        super().__init__(domain=domain)
        self.levels = torch.tensor([domain[name].level or 1000.0 for name in domain.outputs])

    def weighted(self, error, weights):
        return super().weighted(error, weights * self.levels)


@caught_by("options_survive_a_configuration")
class DefaultOfAnotherType(Squared):
    def __init__(self, *, domain, power: int = 1.5):
        super().__init__(domain=domain, power=power)


def failures(component):
    return {one.check: one.seen for one in check("loss", component) if one.status == "fail"}


@pytest.mark.parametrize(("name", "component"), WRONG)
def test_a_wrong_loss_is_caught_by_the_check_that_names_its_fault_alone(name, component):
    found = failures(component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize(
    "component",
    [
        Squared,
        "combined",
        "crps",
        "energy-score",
        "huber",
        "log-cosh",
        "mae",
        "mse",
        "multiscale-crps",
        "power-spectrum",
        "rmse",
        "spectral",
        "spectral-crps",
        "time-aggregated",
    ],
)
def test_a_right_loss_is_caught_by_none(component):
    assert failures(component) == {}


def test_every_check_catches_something():
    assert {each.name for each in checks("loss")} == {each.values[0] for each in WRONG}
