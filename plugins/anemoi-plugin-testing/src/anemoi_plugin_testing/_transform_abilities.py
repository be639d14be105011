"""The checks of transforms: what they leave alone, hide, enforce, and keep when they travel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from anemoi.core.interfaces.transform import Transform
from torch import Tensor

from ._check import BrokenContractError, NotApplicableError, Subject, contract, require
from ._layer_runs import LeftBehind
from ._options import from_configuration
from ._transform_trials import (
    BACK,
    FORWARD,
    POINTS,
    RUNS,
    build_step,
    data_states,
    difference_of,
    network_output,
    require_inverse,
    same_bits,
    spread_of,
    take,
)


@contract(after=FORWARD)
def touches_what_it_says(subject: Subject) -> None:
    """What is not in ``touches`` keeps its name and its values, there and back: a chain may pass it by."""
    step, values = build_step(subject), data_states()
    for name in step.before.names:
        if name in step.touches:
            continue
        given = take(values, step.before, (name,))
        require(step.renamed((name,)) == (name,), f"it renames {name}")
        require(same_bits(step.forward(given, (name,)), given), f"it changes {name} on the way in")
        if name in step.before.outputs and type(step).inverse is not Transform.inverse:
            require(same_bits(step.inverse(given, (name,)), given), f"it changes {name} on the way out")


@contract(after=(*BACK, "undoes_itself"))
def works_cell_by_cell(subject: Subject) -> None:
    """What changes in one cell, a NaN too, changes no other, there and back."""
    step, values = build_step(subject), data_states()
    names, outputs = step.before.names, step.before.outputs
    ways: list[tuple[str, Tensor, Callable[[Tensor], Tensor]]] = [
        ("in", values, lambda x: step.forward(x, names))
    ]
    if type(step).inverse is not Transform.inverse:
        ways.append(("out", network_output(step, outputs), lambda x: step.inverse(x, outputs)))
    for way, given, through in ways:
        whole = through(given)
        for value in (torch.nan, 0.5):
            changed = given.clone()
            changed[0, 1, 5] = value
            made = through(changed)
            made[0, 1, 5], whole[0, 1, 5] = 0.0, 0.0
            require(same_bits(made, whole), f"on the way {way}, {value} in one cell changes others")


@contract(after=FORWARD)
def hides_no_nan(subject: Subject) -> None:
    """A NaN stays one in a variable that is never missing, there and back: a failure must be seen."""
    step, values = build_step(subject), data_states()
    for name in step.before.names:
        if step.before[name].may_be_missing:
            continue
        given = torch.full_like(take(values, step.before, (name,)), torch.nan)
        made = step.forward(given, (name,))
        require(made.isnan().all(), f"on the way in, a NaN of {name} becomes {float(made.flatten()[0]):g}")
    if type(step).inverse is Transform.inverse:
        return
    outputs = step.before.outputs
    back = step.inverse(torch.full_like(network_output(step, outputs), torch.nan), outputs)
    hidden = [name for place, name in enumerate(outputs) if not back[..., place].isnan().all()]
    require(not hidden, f"on the way out, a NaN of {', '.join(hidden)} becomes a number")


@contract(after=BACK)
def has_gradients_on_the_way_out(subject: Subject) -> None:
    """What comes out of a network receives finite gradients, at zero and far out too, and in again."""
    step = build_step(subject)
    require_inverse(step)
    outputs = step.before.outputs
    normal = network_output(step, outputs)
    absent = torch.stack(
        [torch.from_numpy(step.before.missing.get(name, np.zeros(POINTS, bool))) for name in outputs], dim=-1
    )
    for what, given in (
        ("what is usual", normal),
        ("zeros", 0.0 * normal),
        ("what is far out", 4.0 * normal),
    ):
        given.requires_grad_()
        back = step.inverse(given, outputs)
        again = step.forward(back, outputs)
        for way, made in (("out", torch.where(absent, 0.0, back)), ("out and in", again)):
            if not made.requires_grad:
                raise BrokenContractError(f"on the way {way} there is no gradient at all")
            (gradient,) = torch.autograd.grad(made.nan_to_num().sum(), given, retain_graph=True)
            require(gradient.isfinite().all(), f"on the way {way}, the gradient of {what} is not finite")


@contract(after=(*BACK, "undoes_itself", "has_the_statistics_of_what_it_gives"))
def enforces_once(subject: Subject) -> None:
    """What it enforces holds after going out and in, and a second time changes nothing."""
    step = build_step(subject)
    if not step.enforces:
        raise NotApplicableError("it enforces nothing")
    strange = sorted(step.enforces - set(step.before.outputs))
    require(not strange, f"it enforces {', '.join(strange)}, which is no output")
    names = tuple(name for name in step.before.outputs if name in step.enforces)
    once = step.inverse(network_output(step, names), names)
    twice = step.inverse(step.forward(once, names), names)
    for place, name in enumerate(names):
        difference = difference_of(twice[..., place], once[..., place], spread_of(step.before, (name,)))
        require(not difference, f"a second time {name} is another: {difference}")


@contract(after=(*BACK, "undoes_itself", "has_the_statistics_of_what_it_gives"))
def declares_what_it_enforces(subject: Subject) -> None:
    """An output that is not in ``enforces`` and stays one variable is the same after going out and in."""
    step = build_step(subject)
    require_inverse(step)
    outputs = step.before.outputs
    normal = network_output(step, outputs)
    again = step.forward(step.inverse(normal, outputs), outputs)
    place_of = {name: place for place, name in enumerate(step.renamed(outputs))}
    spread = spread_of(step.after, step.renamed(outputs))
    for name in outputs:
        new = step.renamed((name,))
        if name not in step.enforces and len(new) == 1:
            place = place_of[new[0]]
            difference = difference_of(again[..., place], normal[..., place], spread[place])
            require(not difference, f"it constrains {name}: {difference}")


@contract(after=RUNS)
def is_the_same_in_training_and_forecast(subject: Subject) -> None:
    """It gives the same bits each time, while training and not, and built anew."""
    step, values = build_step(subject), data_states()
    names = step.before.names
    first = step.train().forward(values, names)
    for what, other in (
        ("a second time", step),
        ("outside a training", step.eval()),
        ("built anew", build_step(subject)),
    ):
        require(same_bits(other.forward(values, names), first), f"{what} it gives something else")


@contract(after=FORWARD)
def leaves_its_input_alone(subject: Subject) -> None:
    """What comes in is the same after as before, there and back."""
    step, values = build_step(subject), data_states()
    names, outputs = step.before.names, step.before.outputs
    for training in (True, False):
        with torch.set_grad_enabled(training):
            given = values.clone()
            step.forward(given, names)
            require(same_bits(given, values), "on the way in, what came in was written to")
            if type(step).inverse is Transform.inverse:
                continue
            normal = network_output(step, outputs)
            given = normal.clone()
            step.inverse(given, outputs)
            require(same_bits(given, normal), "on the way out, what came in was written to")


@contract(after=FORWARD)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    step = build_step(subject)
    names, outputs = step.before.names, step.before.outputs
    values, normal = data_states().to("meta"), network_output(step, outputs).to("meta")
    step = step.to("meta")
    with LeftBehind("meta") as watch:
        try:
            step.forward(values, names)
            if type(step).inverse is not Transform.inverse:
                step.inverse(normal, outputs)
        except Exception as error:
            if not watch.found:
                raise NotApplicableError(f"its operations depend on values: {error}") from error
    require(not watch.found, f"after to(device), {watch.found}")


@contract(after=(*RUNS, "is_the_same_in_training_and_forecast"))
def options_survive_a_configuration(subject: Subject) -> None:
    """Options that are written to a configuration, the defaults too, build the same as those left out."""
    written = replace(subject, options=from_configuration(subject))
    one, other = build_step(subject), build_step(written)
    names = one.before.names
    require(one.renamed(names) == other.renamed(names), "with its defaults written out it names others")
    same = same_bits(one.forward(data_states(), names), other.forward(data_states(), names))
    require(same, "with its defaults written out it gives something else")
