"""The checks of transforms: that they go there and back, and tell the truth of what they leave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from anemoi.core.interfaces.transform import Transform

from ._check import Check, Subject, contract, require
from ._domains import data_domain, moments
from ._graphs import spread_grid
from ._options import options_are_declared, require_built
from ._transform_abilities import (
    declares_what_it_enforces,
    enforces_once,
    has_gradients_on_the_way_out,
    hides_no_nan,
    is_the_same_in_training_and_forecast,
    leaves_its_input_alone,
    moves_between_devices,
    options_survive_a_configuration,
    touches_what_it_says,
    works_cell_by_cell,
)
from ._transform_trials import (
    BACK,
    FORWARD,
    POINTS,
    RUNS,
    asked_outputs,
    build_step,
    data_states,
    difference_of,
    network_output,
    require_inverse,
    same_bits,
    spread_of,
    take,
)


@contract()
def builds(subject: Subject) -> None:
    """It is built from a domain, by name, and its own options, and keeps the domain as ``before``."""
    domain = data_domain(spread_grid(POINTS))
    step = require_built(subject, domain=domain)
    require(step.before is domain, "its `before` is another domain")


@contract(after=("builds",))
def keeps_its_shape(subject: Subject) -> None:
    """It gives ``(..., grid, len(renamed(names)))`` as float32, whatever comes before the grid, and back."""
    step, names = build_step(subject), data_domain(spread_grid(POINTS)).names
    outputs = step.before.outputs
    for values in (data_states()[0, 0], data_states()[0], data_states(), data_states()[None]):
        made = step.forward(values, names)
        expected = (*values.shape[:-1], len(step.renamed(names)))
        require(made.shape == expected, f"{tuple(made.shape)} comes out instead of {expected}")
        require(made.dtype == torch.float32, f"{made.dtype} comes out")
        if type(step).inverse is Transform.inverse:
            continue
        back = step.inverse(step.forward(take(values, step.before, outputs), outputs), outputs)
        expected = (*values.shape[:-1], len(outputs))
        require(back.shape == expected, f"{tuple(back.shape)} comes back instead of {expected}")
        require(back.dtype == torch.float32, f"{back.dtype} comes back")


@contract(after=RUNS)
def has_no_weights(subject: Subject) -> None:
    """It has no parameters and an empty ``state_dict``: all follows from its domain and its options."""
    step = build_step(subject)
    found = [*step.state_dict(), *(name for name, _ in step.named_parameters())]
    require(not found, f"it has {', '.join(dict.fromkeys(found))}")


@contract(after=RUNS)
def has_an_inverse_for_outputs(subject: Subject) -> None:
    """If it has no inverse, it touches no output of the domain."""
    step = build_step(subject)
    touched = sorted(step.touches.intersection(step.before.outputs))
    without = type(step).inverse is Transform.inverse
    require(not (without and touched), f"it touches {', '.join(touched)}, and has no inverse")


@contract(after=RUNS)
def names_what_it_gives(subject: Subject) -> None:
    """The variables of ``after`` are ``renamed`` those of ``before``, name by name, each in its old role."""
    step = build_step(subject)
    before, after = step.before, step.after
    require(
        step.renamed(before.names) == after.names,
        f"`after` has {', '.join(after.names)}, but they are renamed {', '.join(step.renamed(before.names))}",
    )
    for which in ("inputs", "outputs", "prognostic", "diagnostic", "forcings"):
        old, new = getattr(before, which), getattr(after, which)
        require(step.renamed(old) == new, f"the {which} of `after` are {', '.join(new) or 'none'}")
    alone = tuple(new for name in before.names for new in step.renamed((name,)))
    require(alone == after.names, f"one by one they are renamed {', '.join(alone)}")
    require(len(after.grid) == len(before.grid), "`after` has another grid")


@contract(after=(*RUNS, "names_what_it_gives"))
def has_the_statistics_of_what_it_gives(subject: Subject) -> None:
    """The statistics of ``after``, of values and of changes, are those of what it makes of the data.

    They are finite where those before are. What is missing in the data is left out.
    """
    step, values = build_step(subject), data_states()
    names, after = step.before.names, step.after
    made = step.forward(values, names)
    for place, name in enumerate(names):
        absent = values[..., [place]].isnan()
        columns = [after.names.index(new) for new in step.renamed((name,))]
        made[..., columns] = torch.where(absent, torch.nan, made[..., columns])
    for which, found in (("statistics", made.numpy()), ("changes", np.diff(made.numpy(), axis=0))):
        _require_moments(step, which, found)


def _require_moments(step: Transform, which: str, found: np.ndarray) -> None:
    told, seen = getattr(step.after, which), moments(found)
    known = np.isfinite(getattr(step.before, which).stdev)
    for name, finite in zip(step.before.names, known, strict=True):
        for column in (step.after.names.index(new) for new in step.renamed((name,))):
            if not finite:
                continue
            scale = max(float(seen.stdev[column]), 1e-6 * max(1.0, abs(float(seen.mean[column]))))
            for field in vars(told):
                one, other = getattr(told, field)[column], getattr(seen, field)[column]
                require(
                    abs(one - other) <= 1e-3 * scale,
                    f"the {field} in {which} of {step.after.names[column]} is {one:.6g}, "
                    f"but that of what it gives is {other:.6g}",
                )


@contract(after=FORWARD)
def takes_constants_and_masks_along(subject: Subject) -> None:
    """``after`` has constants as it makes them, and where variables are missing, under their new names."""
    step = build_step(subject)
    before, after = step.before, step.after
    for name, values in before.constants.items():
        made = step.forward(torch.from_numpy(values)[:, None], (name,))
        for place, new in enumerate(step.renamed((name,))):
            require(new in after.constants, f"`after` has no constant {new}")
            same = np.allclose(after.constants[new], made[:, place].numpy(), atol=1e-6)
            require(same, f"the constant {new} of `after` is not what it makes of {name}")
    for name, mask in before.missing.items():
        for new in step.renamed((name,)):
            require(new in after.missing, f"`after` does not say where {new} is missing")
            require(np.array_equal(after.missing[new], mask), f"`after` has {new} missing elsewhere")


@contract(after=BACK)
def undoes_itself(subject: Subject) -> None:
    """``inverse(forward(x))`` is ``x`` for all outputs and valid data, NaN where data are missing."""
    step, values = build_step(subject), data_states()
    require_inverse(step)
    for names in asked_outputs(step):
        given = take(values, step.before, names)
        back = step.inverse(step.forward(given, names), names)
        for place, name in enumerate(names):
            column = slice(place, place + 1)
            difference = difference_of(back[..., column], given[..., column], spread_of(step.before, (name,)))
            require(not difference, f"{name} does not come back: {difference}")


@contract(after=(*RUNS, "names_what_it_gives"))
def takes_any_variables(subject: Subject) -> None:
    """Some variables in any order give the same as they do among all."""
    step, values = build_step(subject), data_states()
    names = step.before.names
    whole = dict(zip(step.renamed(names), step.forward(values, names).unbind(-1), strict=True))
    for some in (names[::-1], names[1::2], *((name,) for name in names)):
        made = step.forward(take(values, step.before, some), some)
        for place, new in enumerate(step.renamed(some)):
            require(same_bits(made[..., place], whole[new]), f"{new} is another among {', '.join(some)}")


@contract(after=(*FORWARD, "has_an_inverse_for_outputs"))
def takes_any_variables_back(subject: Subject) -> None:
    """Some outputs in any order come back the same as they do among all."""
    step = build_step(subject)
    require_inverse(step)
    outputs = step.before.outputs
    normal = network_output(step, outputs)
    place_of = {name: place for place, name in enumerate(step.renamed(outputs))}
    whole = dict(zip(outputs, step.inverse(normal, outputs).unbind(-1), strict=True))
    for some in asked_outputs(step):
        back = step.inverse(normal[..., [place_of[name] for name in step.renamed(some)]], some)
        for place, name in enumerate(some):
            difference = difference_of(back[..., place], whole[name], spread_of(step.before, (name,)))
            require(not difference, f"{name} comes back otherwise among {', '.join(some)}: {difference}")


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "transform": (
        options_are_declared,
        builds,
        keeps_its_shape,
        has_no_weights,
        has_an_inverse_for_outputs,
        names_what_it_gives,
        has_the_statistics_of_what_it_gives,
        takes_constants_and_masks_along,
        undoes_itself,
        takes_any_variables,
        takes_any_variables_back,
        touches_what_it_says,
        works_cell_by_cell,
        hides_no_nan,
        has_gradients_on_the_way_out,
        enforces_once,
        declares_what_it_enforces,
        is_the_same_in_training_and_forecast,
        leaves_its_input_alone,
        moves_between_devices,
        options_survive_a_configuration,
    )
}
