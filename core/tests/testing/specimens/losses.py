"""Losses."""

import torch

from anemoi.core.interfaces import Capability
from anemoi.core.interfaces.loss import Loss

from . import caught_by, right


@right("loss")
class Squared(Loss):
    def __init__(self, *, node_weights, variable_weights, power: float = 2.0):
        super().__init__(node_weights=node_weights, variable_weights=variable_weights)
        self.power = power
        self.register_buffer("node_weights", node_weights, persistent=False)
        self.register_buffer("variable_weights", variable_weights, persistent=False)

    def forward(self, prediction, target):
        return self.weighted(self.error(prediction, target))

    def error(self, prediction, target):
        return (prediction - target).abs().pow(self.power)

    def weighted(self, error):
        return (error @ self.variable_weights @ self.node_weights).mean()


@right("loss")
class Masked(Squared):
    capabilities = frozenset({Capability.IGNORES_MISSING})

    def error(self, prediction, target):
        there = ~target.isnan()
        return torch.where(there, prediction - torch.where(there, target, 0.0), 0.0).square()


@right("loss")
class EnergyScore(Squared):
    """CRPS of the ensemble (Gneiting and Raftery, 2007)."""

    def error(self, prediction, target):
        apart = (prediction[:, :, None] - prediction[:, None]).abs().mean((1, 2))
        return (prediction - target).abs().mean(1) - 0.5 * apart


@caught_by("options_are_declared", "loss")
class UntypedOption(Squared):
    def __init__(self, *, node_weights, variable_weights, power=2.0):
        super().__init__(node_weights=node_weights, variable_weights=variable_weights, power=power)


@caught_by("builds", "loss")
class Fails(Squared):
    def __init__(self, *, node_weights, variable_weights):
        raise RuntimeError("no")


@caught_by("is_one_number", "loss")
class OnePerItem(Squared):
    def weighted(self, error):
        return (error @ self.variable_weights @ self.node_weights).mean(-1)


@caught_by("is_zero_on_equality", "loss")
class Offset(Squared):
    def weighted(self, error):
        return super().weighted(error) + 0.01


@caught_by("is_never_negative", "loss")
class Signed(Squared):
    """Lets errors of opposite sign cancel, but has a sensible gradient on one side."""

    def error(self, prediction, target):
        return prediction - target


@caught_by("has_a_gradient", "loss")
class Detached(Squared):
    def weighted(self, error):
        return super().weighted(error).detach()


@caught_by("has_a_gradient", "loss")
class Uphill(Squared):
    def error(self, prediction, target):
        right = (prediction - target).square()
        return 2.0 * right.detach() - right


@caught_by("has_a_gradient_on_equality", "loss")
class RootOfZero(Squared):
    def weighted(self, error):
        return super().weighted(error).sqrt()


@caught_by("honours_node_weights", "loss")
class EveryCellAlike(Squared):
    def weighted(self, error):
        return (error @ self.variable_weights).mean()


@caught_by("honours_variable_weights", "loss")
class EveryVariableAlike(Squared):
    def weighted(self, error):
        return (error.mean(-1) @ self.node_weights).mean()


@caught_by("shows_a_prediction_of_nan", "loss")
class HidesDivergence(Squared):
    def error(self, prediction, target):
        error = super().error(prediction, target)
        return torch.where(prediction.isnan(), 0.0, error)


@caught_by("shows_a_target_of_nan", "loss")
class HidesMissing(Squared):
    def error(self, prediction, target):
        return super().error(prediction, torch.where(target.isnan(), 0.0, target))


@caught_by("leaves_out_missing_targets", "loss")
class NanGradient(Masked):
    def error(self, prediction, target):
        error = (prediction - target).abs().pow(1.5)
        return torch.where(target.isnan(), torch.zeros_like(error), error)


@caught_by("leaves_out_missing_targets", "loss")
class MissingIsZero(Masked):
    def error(self, prediction, target):
        return (prediction - target.nan_to_num()).square()


@caught_by("leaves_its_input_alone", "loss")
class WritesToTheTarget(Squared):
    def forward(self, prediction, target):
        out = super().forward(prediction, target)
        if not torch.is_grad_enabled():
            target.zero_()
        return out


@caught_by("moves_between_devices", "loss")
class WeightsStayBehind(Squared):
    def __init__(self, *, node_weights, variable_weights):
        super().__init__(node_weights=node_weights, variable_weights=variable_weights)
        self.kept = variable_weights

    def weighted(self, error):
        return (error @ self.kept @ self.node_weights).mean()


@caught_by("options_survive_a_configuration", "loss")
class DefaultOfAnotherType(Squared):
    def __init__(self, *, node_weights, variable_weights, power: int = 1.5):
        super().__init__(node_weights=node_weights, variable_weights=variable_weights, power=power)
