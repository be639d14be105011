"""The checks of losses."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import torch
from anemoi_plugin_testing import (
    Check,
    LeftBehind,
    NotApplicableError,
    Subject,
    contract,
    from_configuration,
    options_are_declared,
    require,
    require_options,
)
from torch import Tensor

from ..interfaces.loss import Loss
from .small_domain import COLUMNS, ROWS, STEPS, domain, fields

DOMAIN: Final = domain()
RUNS: Final = ("is_one_number",)


def _increasing(size: int) -> Tensor:
    """Weights of mean one of which no two are alike, and the first is zero."""
    weights = torch.arange(size, dtype=torch.float32)
    return weights / weights.mean()


LEAD_TIMES, POINTS, VARIABLES = len(STEPS.outputs), ROWS * COLUMNS, len(DOMAIN.outputs)
WEIGHTS: Final = (
    _increasing(LEAD_TIMES).view(1, -1, 1, 1, 1)
    * _increasing(POINTS).view(1, 1, 1, -1, 1)
    * _increasing(VARIABLES)
)
"""``(1, time, 1, grid, outputs)``."""

ONE: Final = torch.ones((1,) * 5)


def _build(subject: Subject) -> Loss:
    loss: Loss = subject.build(domain=domain())
    return loss


def _value(subject: Subject, prediction: Tensor, target: Tensor, weights: Tensor = WEIGHTS) -> float:
    return float(_build(subject)(prediction, target, weights).detach())


def _equal() -> tuple[Tensor, Tensor]:
    """A prediction of which every member is the truth."""
    prediction, target = fields(DOMAIN)
    return target.expand_as(prediction).clone(), target


@contract()
def builds(subject: Subject) -> None:
    """It is built from the domain, by name, and its own options."""
    require_options(subject)
    _build(subject)


@contract(after=("builds",))
def is_one_number(subject: Subject) -> None:
    """It is a scalar, float32 and finite, for one member and for several."""
    for members in (1, 3):
        out = _build(subject)(*fields(DOMAIN, members=members), WEIGHTS)
        require(out.shape == (), f"it has shape {tuple(out.shape)}")
        require(out.dtype == torch.float32, f"it is {out.dtype}")
        require(out.isfinite(), f"it is {float(out)}")


@contract(after=RUNS)
def is_zero_on_equality(subject: Subject) -> None:
    """Where every member of the prediction is the truth, it is zero."""
    value = _value(subject, *_equal())
    require(abs(value) < 1e-6, f"it is {value:.3g}")


@contract(after=RUNS)
def is_never_negative(subject: Subject) -> None:
    """It is zero or more, and more where the prediction is not the truth."""
    for seed in range(5):
        prediction, target = fields(DOMAIN, seed=seed)
        value, opposite = _value(subject, prediction, target), _value(subject, target - 5.0, target)
        require(value >= 0, f"it is {value:.3g}")
        require(opposite > 0, f"it is {opposite:.3g} for a prediction that is five too small everywhere")


@contract(after=RUNS)
def has_a_gradient(subject: Subject) -> None:
    """The prediction receives a finite gradient, and moving against it makes the loss smaller."""
    prediction, target = fields(DOMAIN)
    prediction.requires_grad_()
    loss = _build(subject)
    before = loss(prediction, target, WEIGHTS)
    require(before.requires_grad, "it has no gradient")
    (gradient,) = torch.autograd.grad(before, prediction)
    require(gradient.isfinite().all(), "the gradient is not finite")
    require(gradient.any(), "the gradient is zero")
    step = 1e-2 * gradient / gradient.norm()
    after = float(loss(prediction.detach() - step, target, WEIGHTS))
    require(after < float(before.detach()), "moving against the gradient does not make it smaller")


@contract(after=(*RUNS, "has_a_gradient"))
def has_a_gradient_on_equality(subject: Subject) -> None:
    """Where every member of the prediction is the truth, the gradient is finite."""
    prediction, target = _equal()
    prediction.requires_grad_()
    (gradient,) = torch.autograd.grad(_build(subject)(prediction, target, WEIGHTS), prediction)
    require(gradient.isfinite().all(), "the gradient is not finite")


def _of_error_at(subject: Subject, *place: int) -> float:
    """The loss of an error of one, at one lead time, in one cell and one variable."""
    prediction, target = _equal()
    lead_time, cell, variable = place
    prediction[:, lead_time, :, cell, variable] += 1.0
    return _value(subject, prediction, target)


def _honours(subject: Subject, one: str, none: float, light: float, heavy: float) -> None:
    require(abs(none) < 1e-6, f"an error in {one} of weight zero costs {none:.3g}")
    require(heavy > light > 0, f"an error costs {light:.3g} in a light {one}, {heavy:.3g} in a heavy one")


@contract(after=(*RUNS, "is_zero_on_equality"))
def honours_weights_of_cells(subject: Subject) -> None:
    """An error counts for more in a cell of greater weight, and for nothing in one of weight zero."""
    values = (_of_error_at(subject, LEAD_TIMES - 1, cell, VARIABLES - 1) for cell in (0, 1, POINTS - 1))
    _honours(subject, "cell", *values)


@contract(after=(*RUNS, "is_zero_on_equality"))
def honours_weights_of_variables(subject: Subject) -> None:
    """An error counts for more in a variable of greater weight, and for nothing in one of weight zero."""
    places = (0, 1, VARIABLES - 1)
    _honours(
        subject, "variable", *(_of_error_at(subject, LEAD_TIMES - 1, POINTS - 1, place) for place in places)
    )


@contract(after=(*RUNS, "is_zero_on_equality"))
def honours_weights_of_lead_times(subject: Subject) -> None:
    """An error counts for nothing at a lead time of weight zero, and for something at any other."""
    none, some = (_of_error_at(subject, place, POINTS - 1, VARIABLES - 1) for place in range(LEAD_TIMES))
    require(abs(none) < 1e-6, f"an error at a lead time of weight zero costs {none:.3g}")
    require(some > 0, f"an error at a lead time of weight above zero costs {some:.3g}")


@contract(after=RUNS)
def spreads_weights(subject: Subject) -> None:
    """Weights of size one along an axis are the same as those repeated along it."""
    prediction, target = fields(DOMAIN)
    weights = _increasing(VARIABLES).view(1, 1, 1, 1, -1)
    full = weights.expand(*prediction.shape[:2], 1, *prediction.shape[3:])
    short, long = (_value(subject, prediction, target, each) for each in (weights, full.contiguous()))
    require(abs(short - long) <= 1e-5 * abs(long), f"it is {short:.6g} with a size of one, else {long:.6g}")


@contract(after=RUNS)
def takes_one_truth_for_all_members(subject: Subject) -> None:
    """A truth of one member is the same as that truth for each member."""
    prediction, target = fields(DOMAIN)
    one, each = (_value(subject, prediction, truth) for truth in (target, target.expand_as(prediction)))
    require(
        abs(one - each) <= 1e-5 * abs(each), f"it is {one:.6g} for one truth, {each:.6g} for copies of it"
    )


@contract(after=RUNS)
def says_whether_it_scores_members(subject: Subject) -> None:
    """Members on both sides of the truth are better than on one if ``scores_members``, and not otherwise."""
    prediction, target = fields(DOMAIN, members=1)
    either, other = prediction, 2 * target - prediction
    apart = _value(subject, torch.cat([either, other], dim=2), target)
    alike = sum(_value(subject, each.expand(-1, -1, 2, -1, -1), target) for each in (either, other)) / 2
    declared = _build(subject).scores_members
    require(
        (apart < 0.99 * alike - 1e-6) is declared,
        f"it is {apart:.3g} of members on both sides of the truth, {alike:.3g} of members on one, and "
        f"`scores_members` is {declared!r}",
    )


@contract(after=RUNS)
def is_least_at_the_mean(subject: Subject) -> None:
    """If `least_at_mean`, its gradients of several truths cancel at their mean."""
    loss = _build(subject)
    if not loss.least_at_mean:
        return  # it promises nothing
    prediction, target = fields(DOMAIN, members=1)
    truths = [target + share * (prediction - target).square() for share in (0.0, 1.0, 5.0)]
    mean = torch.stack(truths).mean(dim=0).requires_grad_()
    slopes = torch.stack([torch.autograd.grad(loss(mean, truth, WEIGHTS), mean)[0] for truth in truths])
    size, left = float(slopes.abs().max()), float(slopes.sum(dim=0).abs().max())
    require(left <= 1e-4 * size, f"they add up to {left:.3g}, the largest being {size:.3g}")


@contract(after=RUNS)
def shows_a_prediction_of_nan(subject: Subject) -> None:
    """A prediction that is NaN somewhere makes it NaN: a model that has diverged must not look well."""
    prediction, target = fields(DOMAIN)
    prediction[0, LEAD_TIMES - 1, 0, POINTS - 1, VARIABLES - 1] = torch.nan
    value = _value(subject, prediction, target)
    require(value != value, f"it is {value:.3g}")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """Prediction, truth and weights are the same after as before."""
    given = (*fields(DOMAIN), WEIGHTS.clone())
    before = [each.clone() for each in given]
    with torch.no_grad():
        _build(subject)(*given)
    names = ("prediction", "target", "weights")
    written = [n for n, one, other in zip(names, given, before, strict=True) if not torch.equal(one, other)]
    require(not written, f"{', '.join(written)} was written to")


@contract(after=RUNS)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    loss = _build(subject).to("meta")
    given = [each.to("meta") for each in (*fields(DOMAIN), WEIGHTS)]
    with LeftBehind("meta") as watch:
        try:
            loss(*given)
        except Exception as error:
            if not watch.found:
                raise NotApplicableError(f"its operations depend on values: {error}") from error
    require(not watch.found, f"after to(device), {watch.found}")


@contract(after=RUNS)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    one, other = _value(subject, *fields(DOMAIN)), _value(written, *fields(DOMAIN))
    require(one == other, f"it is {one:.6g} with its defaults left out, {other:.6g} with them written out")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    is_one_number,
    is_zero_on_equality,
    is_never_negative,
    has_a_gradient,
    has_a_gradient_on_equality,
    honours_weights_of_cells,
    honours_weights_of_variables,
    honours_weights_of_lead_times,
    spreads_weights,
    takes_one_truth_for_all_members,
    says_whether_it_scores_members,
    is_least_at_the_mean,
    shows_a_prediction_of_nan,
    leaves_its_input_alone,
    moves_between_devices,
    options_survive_a_configuration,
)
