"""Which numbers of a network's weights see which variable.

Found from outside, by following gradients, so that no layer has to say it. Where the input is zero but for
some variables, the gradient of the columns of a first layer that read the others is zero to the bit; where
the loss counts some outputs, so is that of the rows of a last layer that give the others. Numbered in binary,
``n`` variables are told apart in ``2 log2(n)`` passes: one for each digit that is one, one for each that is
zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from anemoi.core.model import ForecastModel
from anemoi.core.steps import Offset
from torch import Tensor, nn

from ..members import trained_members

_Place = tuple[str, str, Offset]
"""A domain, a variable and a time."""


@dataclass(frozen=True)
class Label:
    """What one index along an axis of a weight sees alone.

    Parameters
    ----------
    way
        ``input`` or ``output``.
    domain, variable
        Of which.
    times
        At which times relative to the beginning of the step.
    """

    way: str
    domain: str
    variable: str
    times: tuple[Offset, ...]


Labels = tuple[Label | None, ...]
"""Of every index along one axis; None for one that sees several variables, or none."""


def trace(model: ForecastModel) -> dict[str, tuple[Labels | None, ...]]:
    """Find for every parameter, and each of its axes, which variables its indexes see.

    Costs some forward and backward passes of one sample. The model is left as it was.

    Returns
    -------
    dict
        By the name of the parameter in the model, for each axis its labels; None for an axis none of whose
        indexes sees one variable alone.
    """
    domains = model.objective.network_domains(model.normalised)
    inputs = [
        (name, variable, time)
        for name, domain in domains.items()
        for time in model.steps[name].inputs
        for variable in domain.inputs
    ]
    outputs = [
        (name, variable, time)
        for name, domain in domains.items()
        for time in model.steps[name].outputs
        for variable in domain.outputs
    ]
    with _scratch(model):
        run = _Passes(model)
        of_inputs = _labels("input", inputs, lambda chosen: run(chosen, outputs))
        of_outputs = _labels("output", outputs, lambda chosen: run(inputs, chosen))
    return {
        name: tuple(
            first if first is not None else second
            for first, second in zip(of_inputs[name], of_outputs[name], strict=True)
        )
        for name in of_inputs
    }


_Seen = Mapping[str, Sequence[Tensor]]
"""For each parameter and axis whether each index has a gradient, ``(size,)`` bool."""


def _labels(
    way: str, places: Sequence[_Place], run: Callable[[Sequence[_Place]], _Seen]
) -> dict[str, list[Labels | None]]:
    variables = list(dict.fromkeys((domain, variable) for domain, variable, _ in places))
    times = list(dict.fromkeys(time for _, _, time in places))
    number = {each: place for place, each in enumerate(variables)}
    digits = range(max(1, (len(variables) - 1).bit_length()))

    def with_digit(digit: int, value: int) -> _Seen:
        return run([each for each in places if number[each[:2]] >> digit & 1 == value])

    nothing = run([])
    ones, zeros = [with_digit(digit, 1) for digit in digits], [with_digit(digit, 0) for digit in digits]
    at = [run([each for each in places if each[2] == time]) for time in times]

    def label(name: str, axis: int, index: int) -> Label | None:
        seen = [
            (bool(one[name][axis][index]), bool(zero[name][axis][index]))
            for one, zero in zip(ones, zeros, strict=True)
        ]
        if bool(nothing[name][axis][index]) or any(one == zero for one, zero in seen):
            return None
        code = sum(one << digit for digit, (one, _) in enumerate(seen))
        domain, variable = variables[code]
        when = tuple(time for time, each in zip(times, at, strict=True) if each[name][axis][index])
        return Label(way, domain, variable, when)

    found: dict[str, list[Labels | None]] = {}
    for name, axes in nothing.items():
        listed = [
            tuple(label(name, axis, index) for index in range(len(seen))) for axis, seen in enumerate(axes)
        ]
        found[name] = [each if any(each) else None for each in listed]
    return found


class _Passes:
    """One forward and backward pass with random numbers in chosen inputs, for chosen outputs."""

    def __init__(self, model: ForecastModel) -> None:
        self._model = model
        self._domains = model.objective.network_domains(model.normalised)

    def __call__(self, inputs: Sequence[_Place], outputs: Sequence[_Place]) -> _Seen:
        model, chosen = self._model, set(inputs)
        device = next(model.network.parameters()).device
        members = trained_members(model.objective)
        fields = {}
        for name, domain in self._domains.items():
            times = model.steps[name].inputs
            there = torch.tensor(
                [[(name, variable, time) in chosen for variable in domain.inputs] for time in times]
            )
            size = (1, len(times), members, len(domain.grid), len(domain.inputs))
            fields[name] = (torch.randn(size) * there[None, :, None, None, :]).to(device)
        shape = model.condition_shape(1, members)
        condition = None if shape is None else torch.randn(shape, device=device)
        model.network.zero_grad(set_to_none=True)
        given = model.network(fields, condition)
        parts = []
        for name, variable, time in outputs:
            place, column = model.steps[name].outputs.index(time), self._domains[name].outputs.index(variable)
            part = given[name][:, place, ..., column]  # (batch, ensemble, grid)
            parts.append((part * torch.randn_like(part)).sum())
        if parts:
            torch.autograd.backward(torch.stack(parts).sum())
        return {name: _seen(parameter) for name, parameter in model.named_parameters()}


def _seen(parameter: nn.Parameter) -> list[Tensor]:
    if parameter.grad is None:
        return [torch.zeros(size, dtype=torch.bool) for size in parameter.shape]
    moved = (parameter.grad != 0).cpu()
    axes = range(moved.ndim)
    return [moved.movedim(axis, 0).reshape(moved.shape[axis], -1).any(dim=1) for axis in axes]


@contextmanager
def _scratch(model: ForecastModel) -> Iterator[None]:
    """Lend a model with random weights, so that no gate or last layer that begins at zero hides anything."""
    kept = {name: each.detach().clone() for name, each in model.state_dict().items()}
    wanted = {name: each.requires_grad for name, each in model.named_parameters()}
    trained = model.training
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(0)
            model.eval()
            with torch.no_grad():
                for each in model.parameters():
                    each.normal_(0.0, each.shape[-1] ** -0.5 if each.ndim > 1 else 1.0)
            model.requires_grad_(True)
            yield
    finally:
        model.zero_grad(set_to_none=True)
        model.load_state_dict(kept)
        for name, each in model.named_parameters():
            each.requires_grad_(wanted[name])
        model.train(trained)
