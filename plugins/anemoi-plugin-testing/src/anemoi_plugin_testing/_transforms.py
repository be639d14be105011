"""The checks of transforms: that they go there and back, and tell the truth of what they leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.interfaces.transform import Transform
from torch import Tensor

from ._bench import LeftBehind
from ._check import BrokenContractError, Check, NotApplicableError, Subject, contract, require
from ._domains import data_domain, moments, states
from ._graphs import spread_grid
from ._options import from_configuration, options_are_declared, require_options

POINTS = 24
RUNS = ("keeps_its_shape",)
FORWARD = (*RUNS, "names_what_it_gives", "takes_any_variables")
BACK = (*FORWARD, "has_an_inverse_for_outputs", "takes_any_variables_back")
CLOSE = 1e-4
"""How far values may be apart that differ in rounding alone, as a fraction of a standard deviation."""


def _build(subject: Subject) -> Transform:
    """The step on a domain of data; what it has to know of its results is measured first."""
    domain = data_domain(spread_grid(POINTS))
    step: Transform = subject.build(domain=domain)
    if not step.measures:
        return step
    # Built once to make what is measured, and once with the moments of that.
    made = step.forward(_data(), domain.names).numpy()
    names = step.renamed(domain.names)
    values, changes = moments(made), moments(np.diff(made, axis=0))
    rows = {
        name: np.array([[getattr(each, field)[place] for field in vars(each)] for each in (values, changes)])
        for place, name in enumerate(names)
        if name in step.measures
    }
    built: Transform = subject.build(domain=replace(domain, measured=rows))
    return built


def _data() -> Tensor:
    """States as data have them, ``(time, ensemble, grid, variable)``."""
    return torch.from_numpy(states(spread_grid(POINTS)))


def _take(values: Tensor, domain: Domain, names: Sequence[str]) -> Tensor:
    return values[..., domain.columns(tuple(names))]


def _spread(domain: Domain, names: Sequence[str]) -> Tensor:
    """The standard deviation of some variables, ``(names,)``; one where there is none."""
    stdev = torch.from_numpy(domain.statistics.stdev)[domain.columns(tuple(names))].float()
    return torch.where(stdev > 0, stdev, torch.ones_like(stdev))


def _normal(step: Transform, names: Sequence[str]) -> Tensor:
    """What a network may give for some variables: spread as the data are after the step, and beyond."""
    after = step.after
    renamed = step.renamed(names)
    mean, stdev = (
        torch.from_numpy(np.nan_to_num(each))[after.columns(renamed)].float()
        for each in (after.statistics.mean, after.statistics.stdev)
    )
    generator = torch.Generator().manual_seed(2)
    return mean + 1.5 * stdev * torch.randn(2, 2, POINTS, len(renamed), generator=generator)


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two fields are equal to the bit, NaN where NaN."""
    return (
        one.shape == other.shape
        and bool(torch.equal(one.isnan(), other.isnan()))
        and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
    )


def _difference(one: Tensor, other: Tensor, scale: Tensor) -> str:
    """What sets two fields apart, or an empty string if nothing but rounding does."""
    if one.shape != other.shape:
        return f"it has shape {tuple(one.shape)} instead of {tuple(other.shape)}"
    if not torch.equal(one.isnan(), other.isnan()):
        return "it is NaN in other places"
    most = float(((one - other).nan_to_num() / scale).abs().max()) if one.numel() else 0.0
    return f"it is up to {most:.2g} standard deviations off" if most > CLOSE else ""


def _invertible(step: Transform) -> None:
    if type(step).inverse is Transform.inverse:
        raise NotApplicableError("it has no inverse, so it serves inputs alone")


def _asked(step: Transform) -> Iterator[tuple[str, ...]]:
    """Sets of outputs that values are taken back of: all, in another order, and as a chain asks for them."""
    outputs = step.before.outputs
    yield outputs
    yield outputs[::-1]
    enforced = tuple(name for name in outputs if name in step.enforces)
    if enforced:
        yield enforced
    for name in outputs:
        if name not in enforced:
            yield (name,)


@contract()
def builds(subject: Subject) -> None:
    """It is built from a domain, by name, and its own options, and keeps the domain as ``before``."""
    require_options(subject)
    domain = data_domain(spread_grid(POINTS))
    step = subject.build(domain=domain)
    require(isinstance(step, Transform), f"it is a {type(step).__name__}")
    require(step.before is domain, "its `before` is another domain")


@contract(after=("builds",))
def keeps_its_shape(subject: Subject) -> None:
    """It gives ``(..., grid, len(renamed(names)))`` as float32, whatever comes before the grid, and back."""
    step, names = _build(subject), data_domain(spread_grid(POINTS)).names
    outputs = step.before.outputs
    for values in (_data()[0, 0], _data()[0], _data(), _data()[None]):
        made = step.forward(values, names)
        expected = (*values.shape[:-1], len(step.renamed(names)))
        require(made.shape == expected, f"{tuple(made.shape)} comes out instead of {expected}")
        require(made.dtype == torch.float32, f"{made.dtype} comes out")
        if type(step).inverse is Transform.inverse:
            continue
        back = step.inverse(step.forward(_take(values, step.before, outputs), outputs), outputs)
        expected = (*values.shape[:-1], len(outputs))
        require(back.shape == expected, f"{tuple(back.shape)} comes back instead of {expected}")
        require(back.dtype == torch.float32, f"{back.dtype} comes back")


@contract(after=RUNS)
def has_no_weights(subject: Subject) -> None:
    """It has no parameters and an empty ``state_dict``: all follows from its domain and its options."""
    step = _build(subject)
    found = [*step.state_dict(), *(name for name, _ in step.named_parameters())]
    require(not found, f"it has {', '.join(dict.fromkeys(found))}")


@contract(after=RUNS)
def has_an_inverse_for_outputs(subject: Subject) -> None:
    """If it has no inverse, it touches no output of the domain."""
    step = _build(subject)
    touched = sorted(step.touches.intersection(step.before.outputs))
    without = type(step).inverse is Transform.inverse
    require(not (without and touched), f"it touches {', '.join(touched)}, and has no inverse")


@contract(after=RUNS)
def names_what_it_gives(subject: Subject) -> None:
    """The variables of ``after`` are ``renamed`` those of ``before``, name by name, each in its old role."""
    step = _build(subject)
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
    step, values = _build(subject), _data()
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
    step = _build(subject)
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
    step, values = _build(subject), _data()
    _invertible(step)
    for names in _asked(step):
        given = _take(values, step.before, names)
        back = step.inverse(step.forward(given, names), names)
        for place, name in enumerate(names):
            column = slice(place, place + 1)
            difference = _difference(back[..., column], given[..., column], _spread(step.before, (name,)))
            require(not difference, f"{name} does not come back: {difference}")


@contract(after=(*RUNS, "names_what_it_gives"))
def takes_any_variables(subject: Subject) -> None:
    """Some variables in any order give the same as they do among all."""
    step, values = _build(subject), _data()
    names = step.before.names
    whole = dict(zip(step.renamed(names), step.forward(values, names).unbind(-1), strict=True))
    for some in (names[::-1], names[1::2], *((name,) for name in names)):
        made = step.forward(_take(values, step.before, some), some)
        for place, new in enumerate(step.renamed(some)):
            require(_same(made[..., place], whole[new]), f"{new} is another among {', '.join(some)}")


@contract(after=(*FORWARD, "has_an_inverse_for_outputs"))
def takes_any_variables_back(subject: Subject) -> None:
    """Some outputs in any order come back the same as they do among all."""
    step = _build(subject)
    _invertible(step)
    outputs = step.before.outputs
    normal = _normal(step, outputs)
    place_of = {name: place for place, name in enumerate(step.renamed(outputs))}
    whole = dict(zip(outputs, step.inverse(normal, outputs).unbind(-1), strict=True))
    for some in _asked(step):
        back = step.inverse(normal[..., [place_of[name] for name in step.renamed(some)]], some)
        for place, name in enumerate(some):
            difference = _difference(back[..., place], whole[name], _spread(step.before, (name,)))
            require(not difference, f"{name} comes back otherwise among {', '.join(some)}: {difference}")


@contract(after=FORWARD)
def touches_what_it_says(subject: Subject) -> None:
    """What is not in ``touches`` keeps its name and its values, there and back: a chain may pass it by."""
    step, values = _build(subject), _data()
    for name in step.before.names:
        if name in step.touches:
            continue
        given = _take(values, step.before, (name,))
        require(step.renamed((name,)) == (name,), f"it renames {name}")
        require(_same(step.forward(given, (name,)), given), f"it changes {name} on the way in")
        if name in step.before.outputs and type(step).inverse is not Transform.inverse:
            require(_same(step.inverse(given, (name,)), given), f"it changes {name} on the way out")


@contract(after=(*BACK, "undoes_itself"))
def works_cell_by_cell(subject: Subject) -> None:
    """What changes in one cell, a NaN too, changes no other, there and back."""
    step, values = _build(subject), _data()
    names, outputs = step.before.names, step.before.outputs
    ways: list[tuple[str, Tensor, Callable[[Tensor], Tensor]]] = [
        ("in", values, lambda x: step.forward(x, names))
    ]
    if type(step).inverse is not Transform.inverse:
        ways.append(("out", _normal(step, outputs), lambda x: step.inverse(x, outputs)))
    for way, given, through in ways:
        whole = through(given)
        for value in (torch.nan, 0.5):
            changed = given.clone()
            changed[0, 1, 5] = value
            made = through(changed)
            made[0, 1, 5], whole[0, 1, 5] = 0.0, 0.0
            require(_same(made, whole), f"on the way {way}, {value} in one cell changes others")


@contract(after=FORWARD)
def hides_no_nan(subject: Subject) -> None:
    """A NaN stays one in a variable that is never missing, there and back: a failure must be seen."""
    step, values = _build(subject), _data()
    for name in step.before.names:
        if step.before[name].may_be_missing:
            continue
        given = torch.full_like(_take(values, step.before, (name,)), torch.nan)
        made = step.forward(given, (name,))
        require(made.isnan().all(), f"on the way in, a NaN of {name} becomes {float(made.flatten()[0]):g}")
    if type(step).inverse is Transform.inverse:
        return
    outputs = step.before.outputs
    back = step.inverse(torch.full_like(_normal(step, outputs), torch.nan), outputs)
    hidden = [name for place, name in enumerate(outputs) if not back[..., place].isnan().all()]
    require(not hidden, f"on the way out, a NaN of {', '.join(hidden)} becomes a number")


@contract(after=BACK)
def has_gradients_on_the_way_out(subject: Subject) -> None:
    """What comes out of a network receives finite gradients, at zero and far out too, and in again."""
    step = _build(subject)
    _invertible(step)
    outputs = step.before.outputs
    normal = _normal(step, outputs)
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
    step = _build(subject)
    if not step.enforces:
        raise NotApplicableError("it enforces nothing")
    strange = sorted(step.enforces - set(step.before.outputs))
    require(not strange, f"it enforces {', '.join(strange)}, which is no output")
    names = tuple(name for name in step.before.outputs if name in step.enforces)
    once = step.inverse(_normal(step, names), names)
    twice = step.inverse(step.forward(once, names), names)
    for place, name in enumerate(names):
        difference = _difference(twice[..., place], once[..., place], _spread(step.before, (name,)))
        require(not difference, f"a second time {name} is another: {difference}")


@contract(after=(*BACK, "undoes_itself", "has_the_statistics_of_what_it_gives"))
def declares_what_it_enforces(subject: Subject) -> None:
    """An output that is not in ``enforces`` and stays one variable is the same after going out and in."""
    step = _build(subject)
    _invertible(step)
    outputs = step.before.outputs
    normal = _normal(step, outputs)
    again = step.forward(step.inverse(normal, outputs), outputs)
    place_of = {name: place for place, name in enumerate(step.renamed(outputs))}
    spread = _spread(step.after, step.renamed(outputs))
    for name in outputs:
        new = step.renamed((name,))
        if name not in step.enforces and len(new) == 1:
            place = place_of[new[0]]
            difference = _difference(again[..., place], normal[..., place], spread[place])
            require(not difference, f"it constrains {name}: {difference}")


@contract(after=RUNS)
def is_the_same_in_training_and_forecast(subject: Subject) -> None:
    """It gives the same bits each time, while training and not, and built anew."""
    step, values = _build(subject), _data()
    names = step.before.names
    first = step.train().forward(values, names)
    for what, other in (
        ("a second time", step),
        ("outside a training", step.eval()),
        ("built anew", _build(subject)),
    ):
        require(_same(other.forward(values, names), first), f"{what} it gives something else")


@contract(after=FORWARD)
def leaves_its_input_alone(subject: Subject) -> None:
    """What comes in is the same after as before, there and back."""
    step, values = _build(subject), _data()
    names, outputs = step.before.names, step.before.outputs
    for training in (True, False):
        with torch.set_grad_enabled(training):
            given = values.clone()
            step.forward(given, names)
            require(_same(given, values), "on the way in, what came in was written to")
            if type(step).inverse is Transform.inverse:
                continue
            normal = _normal(step, outputs)
            given = normal.clone()
            step.inverse(given, outputs)
            require(_same(given, normal), "on the way out, what came in was written to")


@contract(after=FORWARD)
def moves_between_devices(subject: Subject) -> None:
    """``to(device)`` moves all that it works with, and it makes no tensor on another device."""
    step = _build(subject)
    names, outputs = step.before.names, step.before.outputs
    values, normal = _data().to("meta"), _normal(step, outputs).to("meta")
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
    one, other = _build(subject), _build(written)
    names = one.before.names
    require(one.renamed(names) == other.renamed(names), "with its defaults written out it names others")
    same = _same(one.forward(_data(), names), other.forward(_data(), names))
    require(same, "with its defaults written out it gives something else")


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
