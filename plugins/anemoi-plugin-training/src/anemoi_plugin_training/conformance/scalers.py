"""The checks of scalers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import torch
from anemoi.core.domain import Domain
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

from ..interfaces.scaler import AXES, Scaler
from .small_domain import STEPS, domain, fields

REVERSED: Final = slice(None, None, -1)
RUNS: Final = ("gives_weights_of_its_axes",)
WEIGHS: Final = (*RUNS, "gives_weights_that_weigh")


def _build(subject: Subject, where: Domain) -> Scaler:
    scaler: Scaler = subject.build(domain=where, steps=STEPS)
    return scaler


def _target(where: Domain) -> Tensor:
    """A truth with a third of the cells of ``sst`` missing."""
    _, target = fields(where)
    missing = torch.from_numpy(where.grid.longitudes < 120.0)
    target[..., missing, where.outputs.index("sst")] = torch.nan
    return target


def _weights(scaler: Scaler, where: Domain) -> Tensor:
    return scaler.weights(_target(where) if "batch" in scaler.axes else None, STEPS.outputs)


@contract()
def builds(subject: Subject) -> None:
    """It is built from domain and steps, by name, and its own options."""
    require_options(subject)
    _build(subject, domain())


@contract(after=("builds",))
def declares_its_axes(subject: Subject) -> None:
    """Its class declares axes, in order and each once, and an object has no others."""
    declared: Any = getattr(subject.component, "axes", None)
    require(isinstance(declared, tuple), f"its class declares {declared!r}, which is no tuple")
    for axes in (declared, _build(subject, domain()).axes):
        known = tuple(axis for axis in AXES if axis in axes)
        require(axes == known, f"its axes are {axes}, not some of {AXES} in that order")
        require(set(axes) <= set(declared), f"an object has {axes}, its class {declared}")


@contract(after=("declares_its_axes",))
def gives_weights_of_its_axes(subject: Subject) -> None:
    """Weights have exactly the axes that it declares, and are float32."""
    where = domain()
    scaler, target = _build(subject, where), _target(where)
    sizes = dict(zip(AXES, (*target.shape[:2], *target.shape[3:]), strict=True))
    found, wanted = _weights(scaler, where), tuple(sizes[axis] for axis in scaler.axes)
    require(tuple(found.shape) == wanted, f"they have shape {tuple(found.shape)}, not {wanted}")
    require(found.dtype == torch.float32, f"they are {found.dtype}")


@contract(after=RUNS)
def gives_weights_that_weigh(subject: Subject) -> None:
    """Weights are finite, none is negative, and not all are zero."""
    found = _weights(_build(subject, domain()), domain())
    require(found.isfinite().all(), "some are not finite")
    require((found >= 0).all(), f"the least is {float(found.min()):.3g}")
    require(found.any(), "all are zero")


@contract(after=WEIGHS)
def follows_the_cells(subject: Subject) -> None:
    """The same cells in another order have the same weights in that order."""
    _follows(subject, domain(points=REVERSED), "grid")


@contract(after=WEIGHS)
def follows_the_variables(subject: Subject) -> None:
    """The same variables in another order have the same weights in that order."""
    _follows(subject, domain(variables=REVERSED), "variable")


def _follows(subject: Subject, other: Domain, axis: str) -> None:
    one, turned = _build(subject, domain()), _build(subject, other)
    require(one.axes == turned.axes, f"the axes are {one.axes}, in another order {turned.axes}")
    if "batch" in one.axes:
        target = _target(other)
        found = turned.weights(target, STEPS.outputs)
        wanted = one.weights(target.flip(-2 if axis == "grid" else -1), STEPS.outputs)
    else:
        found, wanted = turned.weights(None, STEPS.outputs), one.weights(None, STEPS.outputs)
    if axis in one.axes:
        found = found.flip([place for place, name in enumerate(one.axes) if name == axis])
    apart = float((found - wanted).abs().max())
    require(apart < 1e-4, f"a weight differs by {apart:.3g}")


@contract(after=RUNS)
def leaves_its_input_alone(subject: Subject) -> None:
    """The target is the same after as before."""
    scaler, target = _build(subject, domain()), _target(domain())
    if "batch" not in scaler.axes:
        raise NotApplicableError("it takes no target: its axes have no batch")
    before = target.clone()
    scaler.weights(target, STEPS.outputs)
    require(torch.equal(target.nan_to_num(99.0), before.nan_to_num(99.0)), "the target was written to")


@contract(after=RUNS)
def works_where_the_target_is(subject: Subject) -> None:
    """Weights that depend on the target are on its device, and nothing is computed on another."""
    scaler, target = _build(subject, domain()), _target(domain()).to("meta")
    if "batch" not in scaler.axes:
        raise NotApplicableError("it takes no target: its axes have no batch")
    try:
        found = scaler.weights(target, STEPS.outputs)
        with LeftBehind("meta") as watch:  # the second time, when what it precomputed has moved
            scaler.weights(target, STEPS.outputs)
    except RuntimeError as error:
        require("device" not in str(error), str(error))
        raise NotApplicableError(f"its operations depend on values: {error}") from error
    require(found.device == target.device, f"they are on {found.device}, the target on {target.device}")
    require(not watch.found, watch.found)


@contract(after=WEIGHS)
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    one, other = (_weights(_build(each, domain()), domain()) for each in (subject, written))
    require(torch.equal(one, other), "weights are others with the defaults written out")


CHECKS: Final[tuple[Check, ...]] = (
    options_are_declared,
    builds,
    declares_its_axes,
    gives_weights_of_its_axes,
    gives_weights_that_weigh,
    follows_the_cells,
    follows_the_variables,
    leaves_its_input_alone,
    works_where_the_target_is,
    options_survive_a_configuration,
)
