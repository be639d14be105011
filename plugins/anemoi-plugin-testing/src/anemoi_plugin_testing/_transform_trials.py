"""A transform on a domain of data: built, given fields, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from anemoi.core.domain import Domain
from anemoi.core.interfaces.transform import Transform
from torch import Tensor

from ._check import NotApplicableError, Subject
from ._domains import data_domain, moments, states
from ._graphs import spread_grid

POINTS = 24
RUNS = ("keeps_its_shape",)
FORWARD = (*RUNS, "names_what_it_gives", "takes_any_variables")
BACK = (*FORWARD, "has_an_inverse_for_outputs", "takes_any_variables_back")
CLOSE = 1e-4
"""How far values may be apart that differ in rounding alone, as a fraction of a standard deviation."""


def build_step(subject: Subject) -> Transform:
    """The step on a domain of data; what it has to know of its results is measured first."""
    domain = data_domain(spread_grid(POINTS))
    step: Transform = subject.build(domain=domain)
    if not step.measures:
        return step
    # Built once to make what is measured, and once with the moments of that.
    made = step.forward(data_states(), domain.names).numpy()
    names = step.renamed(domain.names)
    values, changes = moments(made), moments(np.diff(made, axis=0))
    rows = {
        name: np.array([[getattr(each, field)[place] for field in vars(each)] for each in (values, changes)])
        for place, name in enumerate(names)
        if name in step.measures
    }
    built: Transform = subject.build(domain=replace(domain, measured=rows))
    return built


def data_states() -> Tensor:
    """States as data have them, ``(time, ensemble, grid, variable)``."""
    return torch.from_numpy(states(spread_grid(POINTS)))


def take(values: Tensor, domain: Domain, names: Sequence[str]) -> Tensor:
    return values[..., domain.columns(tuple(names))]


def spread_of(domain: Domain, names: Sequence[str]) -> Tensor:
    """The standard deviation of some variables, ``(names,)``; one where there is none."""
    stdev = torch.from_numpy(domain.statistics.stdev)[domain.columns(tuple(names))].float()
    return torch.where(stdev > 0, stdev, torch.ones_like(stdev))


def network_output(step: Transform, names: Sequence[str]) -> Tensor:
    """What a network may give for some variables: spread as the data are after the step, and beyond."""
    after = step.after
    renamed = step.renamed(names)
    mean, stdev = (
        torch.from_numpy(np.nan_to_num(each))[after.columns(renamed)].float()
        for each in (after.statistics.mean, after.statistics.stdev)
    )
    generator = torch.Generator().manual_seed(2)
    return mean + 1.5 * stdev * torch.randn(2, 2, POINTS, len(renamed), generator=generator)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two fields are equal to the bit, NaN where NaN."""
    return (
        one.shape == other.shape
        and bool(torch.equal(one.isnan(), other.isnan()))
        and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
    )


def difference_of(one: Tensor, other: Tensor, scale: Tensor) -> str:
    """What sets two fields apart, or an empty string if nothing but rounding does."""
    if one.shape != other.shape:
        return f"it has shape {tuple(one.shape)} instead of {tuple(other.shape)}"
    if not torch.equal(one.isnan(), other.isnan()):
        return "it is NaN in other places"
    most = float(((one - other).nan_to_num() / scale).abs().max()) if one.numel() else 0.0
    return f"it is up to {most:.2g} standard deviations off" if most > CLOSE else ""


def require_inverse(step: Transform) -> None:
    if type(step).inverse is Transform.inverse:
        raise NotApplicableError("it has no inverse, so it serves inputs alone")


def asked_outputs(step: Transform) -> Iterator[tuple[str, ...]]:
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
