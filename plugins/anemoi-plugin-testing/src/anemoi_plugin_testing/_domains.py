"""A small domain to try models, transforms and objectives on, with variables of every role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.transforms import Bounding, Chain, Imputer, Normaliser
from anemoi.core.variable import Role, Variable
from numpy.typing import NDArray

HOUR = np.timedelta64(3600, "s")
FREQUENCY = 6 * HOUR

VARIABLES = (
    Variable("lsm", role=Role.FORCING, units="1", constant=True),
    Variable("t_850", units="K", level=850.0, level_type="pressure"),
    Variable("tp", role=Role.DIAGNOSTIC, units="m", accumulated=FREQUENCY),
    Variable("insolation", role=Role.FORCING, computed=True),
    Variable("sst", units="K", may_be_missing=True),
    Variable("ci", units="1"),
    Variable("sd", role=Role.FORCING, units="m"),
    Variable("mwd", units="degrees"),
)
"""Roles take turns, so that the place of a variable among inputs, among outputs and among all differ."""


def steps(inputs: Sequence[int] = (-6, 0), outputs: Sequence[int] = (6,), *, interval: int = 6) -> Steps:
    """States at so many hours; the next step begins at the last of them."""
    length = max([*inputs, *outputs, interval])
    return Steps(
        tuple(hours * HOUR for hours in inputs),
        tuple(hours * HOUR for hours in outputs),
        length * HOUR,
        interval * HOUR,
    )


def normalised_domain(grid: Grid, variables: Sequence[Variable] = VARIABLES) -> Domain:
    """A domain as a network sees it: values of mean zero and deviation one, changes of one half of that."""
    count = len(variables)
    zero, one = np.zeros(count), np.ones(count)
    change = np.full(count, 0.5)
    for place, variable in enumerate(variables):
        if variable.constant:
            change[place] = 0.0
        if variable.computed or variable.role is Role.DIAGNOSTIC:
            change[place] = np.nan
    zero_or_nan = 0.0 * change
    return Domain(
        variables=tuple(replace(variable, units=None) for variable in variables),
        grid=grid,
        frequency=FREQUENCY,
        statistics=Statistics(zero, one, -3.0 * one, 3.0 * one),
        changes=Statistics(zero_or_nan, change, -3.0 * change, 3.0 * change),
        constants={
            each.name: np.sin(np.arange(len(grid), dtype=np.float32)) for each in variables if each.constant
        },
        missing={each.name: _land(grid) for each in variables if each.may_be_missing},
    )


def _land(grid: Grid) -> NDArray[np.bool_]:
    """Every third point."""
    return np.asarray(np.arange(len(grid)) % 3 == 1)


def states(grid: Grid, times: int = 8, *, seed: int = 1) -> NDArray[np.float32]:
    """Plausible values of :data:`VARIABLES`, ``(times, 2, grid, variable)``; NaN where ``sst`` is missing."""
    numbers = np.random.default_rng(seed)
    shape = (times, 2, len(grid))
    made = {
        "lsm": np.broadcast_to(np.random.default_rng(0).uniform(size=len(grid)), shape),
        "t_850": 280.0 + 15.0 * numbers.standard_normal(shape),
        "tp": 1e-3 * numbers.exponential(size=shape) * (numbers.uniform(size=shape) < 0.7),
        "insolation": numbers.uniform(size=shape),
        "sst": np.where(_land(grid), np.nan, 290.0 + 8.0 * numbers.standard_normal(shape)),
        "ci": ((numbers.uniform(size=shape) - 0.2) / 0.6).clip(0.0, 1.0),  # often none, often all of it
        "sd": 0.1 * numbers.exponential(size=shape),
        "mwd": 360.0 * numbers.uniform(size=shape),
    }
    return np.stack([made[each.name] for each in VARIABLES], axis=-1).astype(np.float32)


def data_domain(grid: Grid) -> Domain:
    """A domain as data have it, with the statistics of :func:`states`."""
    values = states(grid)
    changes = np.diff(values, axis=0)
    unknown = [each.computed or each.role is Role.DIAGNOSTIC for each in VARIABLES]
    return Domain(
        variables=VARIABLES,
        grid=grid,
        frequency=FREQUENCY,
        statistics=moments(values),
        changes=moments(np.where(unknown, np.nan, changes)),
        constants={
            each.name: values[0, 0, :, place] for place, each in enumerate(VARIABLES) if each.constant
        },
        missing={each.name: _land(grid) for each in VARIABLES if each.may_be_missing},
    )


def with_role(domain: Domain, *roles: Role, to: Role) -> Domain:
    """The same data with other roles: variables of ``roles`` have that of ``to``."""
    return replace(
        domain,
        variables=tuple(replace(each, role=to) if each.role in roles else each for each in domain.variables),
    )


def usual_chain(domain: Domain) -> Chain:
    """Fill in, bound what is forecast, and normalise, as most trainings do."""
    imputer = Imputer(domain=domain)
    bounding = Bounding(
        domain=imputer.after,
        relu=[name for name in ("tp",) if name in domain.outputs],
        hardtanh={name: (0.0, 1.0) for name in ("ci",) if name in domain.outputs},
    )
    return Chain([imputer, bounding, Normaliser(domain=bounding.after)], domain)


def moments(values: NDArray[np.floating]) -> Statistics:
    """Those of the last axis, without what is NaN; NaN where all is."""
    columns = values.reshape(-1, values.shape[-1]).astype(np.float64)
    found = [column[np.isfinite(column)] for column in columns.T]
    rows = [
        (each.mean(), each.std(), each.min(), each.max()) if len(each) else (np.nan,) * 4 for each in found
    ]
    return Statistics(*np.array(rows).T)
