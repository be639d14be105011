"""The checks of losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn

from ..interfaces.capability import Capability
from ._bench import LeftBehind
from ._check import Check, NotApplicableError, Subject, contract, require
from ._options import from_configuration, options_are_declared, require_options

POINTS, VARIABLES = 8, 3
# No two weights are alike, and the first is zero.
NODE_WEIGHTS = torch.arange(POINTS, dtype=torch.float32) / sum(range(POINTS))
VARIABLE_WEIGHTS = torch.tensor([0.0, 0.3, 0.7])
RUNS = ("is_one_number",)


def _build(subject: Subject) -> nn.Module:
    loss: nn.Module = subject.build(
        node_weights=NODE_WEIGHTS.clone(), variable_weights=VARIABLE_WEIGHTS.clone()
    )
    return loss


def _pair(seed: int = 1) -> tuple[Tensor, Tensor]:
    """A prediction of three members, and the truth, which is the same for all."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randn(2, 3, POINTS, VARIABLES, generator=generator)
    truth = torch.randn(2, 1, POINTS, VARIABLES, generator=generator)
    return prediction, truth.expand_as(prediction).clone()


def _value(subject: Subject, prediction: Tensor, target: Tensor) -> float:
    return float(_build(subject)(prediction, target).detach())


@contract()
def builds(subject: Subject) -> None:
    """It is built from the weights of nodes and variables, by name, and its own options."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def is_one_number(subject: Subject) -> None:
    """It is a scalar, float32 and finite, for one member and for several."""
    prediction, target = _pair()
    for members in (1, 3):
        out = _build(subject)(prediction[:, :members], target[:, :members])
        require(out.shape == (), f"it has shape {tuple(out.shape)}")
        require(out.dtype == torch.float32, f"it is {out.dtype}")
        require(out.isfinite(), f"it is {float(out)}")


@contract(after=RUNS)
def is_zero_on_equality(subject: Subject) -> None:
    """Where the prediction is the truth, it is zero."""
    _, target = _pair()
    value = _value(subject, target.clone(), target)
    require(abs(value) < 1e-6, f"it is {value:.3g}")


@contract(after=RUNS)
def is_never_negative(subject: Subject) -> None:
    """It is zero or more, and more where the prediction is not the truth."""
    for seed in range(5):
        prediction, target = _pair(seed)
        value, opposite = _value(subject, prediction, target), _value(subject, target - 5.0, target)
        require(value >= 0, f"it is {value:.3g}")
        require(opposite > 0, f"it is {opposite:.3g} for a prediction that is five too small everywhere")


@contract(after=RUNS)
def has_a_gradient(subject: Subject) -> None:
    """The prediction receives a finite gradient, and moving against it makes the loss smaller."""
    prediction, target = _pair()
    prediction.requires_grad_()
    loss = _build(subject)
    before = loss(prediction, target)
    require(before.requires_grad, "it has no gradient")
    (gradient,) = torch.autograd.grad(before, prediction)
    require(gradient.isfinite().all(), "the gradient is not finite")
    require(gradient.any(), "the gradient is zero")
    step = 1e-3 * gradient / gradient.norm()
    after = float(loss(prediction.detach() - step, target))
    require(after < float(before.detach()), "moving against the gradient does not make it smaller")


@contract(after=(*RUNS, "has_a_gradient"))
def has_a_gradient_on_equality(subject: Subject) -> None:
    """Where the prediction is the truth, the gradient is finite."""
    _, target = _pair()
    prediction = target.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_build(subject)(prediction, target), prediction)
    require(gradient.isfinite().all(), "the gradient is not finite")


def _of_error_at(subject: Subject, node: int, variable: int) -> float:
    """The loss of an error of one, in one node and one variable."""
    _, target = _pair()
    prediction = target.clone()
    prediction[:, :, node, variable] += 1.0
    return _value(subject, prediction, target)


@contract(after=(*RUNS, "is_zero_on_equality"))
def honours_node_weights(subject: Subject) -> None:
    """An error counts for more in a cell of greater weight, and for nothing in one of weight zero."""
    none, light, heavy = (_of_error_at(subject, node, 2) for node in (0, 1, POINTS - 1))
    require(abs(none) < 1e-6, f"an error in a cell of weight zero costs {none:.3g}")
    require(heavy > light > 0, f"an error costs {light:.3g} in a light cell, {heavy:.3g} in a heavy one")


@contract(after=(*RUNS, "is_zero_on_equality"))
def honours_variable_weights(subject: Subject) -> None:
    """An error counts for more in a variable of greater weight, and for nothing in one of weight zero."""
    none, light, heavy = (_of_error_at(subject, POINTS - 1, variable) for variable in range(VARIABLES))
    require(abs(none) < 1e-6, f"an error in a variable of weight zero costs {none:.3g}")
    require(heavy > light > 0, f"an error costs {light:.3g} in a light variable, {heavy:.3g} in a heavy one")


@contract(after=RUNS)
def shows_a_prediction_of_nan(subject: Subject) -> None:
    """A prediction that is NaN somewhere makes it NaN: a model that has diverged must not look well."""
    prediction, target = _pair()
    prediction[0, 0, POINTS - 1, 2] = torch.nan
    value = _value(subject, prediction, target)
    require(value != value, f"it is {value:.3g}")


@contract(after=RUNS, unless=Capability.IGNORES_MISSING)
def shows_a_target_of_nan(subject: Subject) -> None:
    """A target that is NaN somewhere makes it NaN, unless it declares that it leaves such cells out."""
    prediction, target = _pair()
    target[:, :, POINTS - 1, 2] = torch.nan
    value = _value(subject, prediction, target)
    require(value != value, f"it is {value:.3g}")


@contract(after=RUNS, needs=Capability.IGNORES_MISSING)
def leaves_out_missing_targets(subject: Subject) -> None:
    """Where the target is NaN, neither the loss nor its gradient depends on the prediction."""
    prediction, target = _pair()
    target[:, :, POINTS - 1, 2] = torch.nan
    other = prediction.clone()
    other[:, :, POINTS - 1, 2] += 100.0
    value, moved = _value(subject, prediction, target), _value(subject, other, target)
    require(value == value, "it is NaN")
    require(abs(value - moved) < 1e-6, f"it is {value:.4g} for one prediction there, {moved:.4g} for another")
    prediction.requires_grad_()
    (gradient,) = torch.autograd.grad(_build(subject)(prediction, target), prediction)
    require(gradient.isfinite().all(), "the gradient is not finite")
    require(not gradient[:, :, POINTS - 1, 2].any(), "the gradient there is not zero")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """Prediction, truth and weights are the same after as before."""
    given = (*_pair(), NODE_WEIGHTS.clone(), VARIABLE_WEIGHTS.clone())
    before = [each.clone() for each in given]
    with torch.no_grad():
        subject.build(node_weights=given[2], variable_weights=given[3])(given[0], given[1])
    names = ("prediction", "target", "node_weights", "variable_weights")
    written = [n for n, one, other in zip(names, given, before, strict=True) if not torch.equal(one, other)]
    require(not written, f"{', '.join(written)} was written to")


@contract(after=RUNS)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    loss = _build(subject).to("meta")
    prediction, target = (each.to("meta") for each in _pair())
    with LeftBehind("meta") as watch:
        try:
            loss(prediction, target)
        except Exception as error:
            if not watch.found:
                raise NotApplicableError(f"its operations depend on values: {error}") from error
    require(not watch.found, f"after to(device), {watch.found}")


@contract(after=RUNS)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    one, other = _value(subject, *_pair()), _value(written, *_pair())
    require(one == other, f"it is {one:.6g} with its defaults left out, {other:.6g} with them written out")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "loss": (
        options_are_declared,
        builds,
        is_one_number,
        is_zero_on_equality,
        is_never_negative,
        has_a_gradient,
        has_a_gradient_on_equality,
        honours_node_weights,
        honours_variable_weights,
        shows_a_prediction_of_nan,
        shows_a_target_of_nan,
        leaves_out_missing_targets,
        leaves_its_input_alone,
        moves_between_devices,
        options_survive_a_configuration,
    )
}
