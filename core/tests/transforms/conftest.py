import numpy as np
import pytest
import torch

from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.variable import Role, Variable

POINTS = 12


def statistics_of(fields):
    """Of ``(time, grid, variable)``, without NaNs."""
    flat = fields.reshape(-1, fields.shape[-1]).astype(np.float64)
    return Statistics(*(function(flat, axis=0) for function in (np.nanmean, np.nanstd, np.nanmin, np.nanmax)))


def make_domain(variables, fields, **more):
    """A domain whose statistics are those of ``fields`` ``(time, grid, variable)``."""
    grid = Grid(np.linspace(-80, 80, POINTS), np.linspace(0, 330, POINTS))
    return Domain(
        variables=tuple(variables),
        grid=grid,
        frequency=np.timedelta64(6, "h"),
        statistics=statistics_of(fields),
        changes=statistics_of(np.diff(fields, axis=0)),
        **more,
    )


VARIABLES = (
    Variable("t_850", units="K", level=850, level_type="pressure"),
    Variable("q_500", units="kg kg**-1"),
    Variable("q_850", units="kg kg**-1"),
    Variable("mwd", units="degrees"),
    Variable("sst", units="K", may_be_missing=True),
    Variable("lsm", Role.FORCING, constant=True),
    Variable("insolation", Role.FORCING, computed=True),
    Variable("ice", Role.FORCING, may_be_missing=True),
    Variable("tp", Role.DIAGNOSTIC, units="m"),
    Variable("cp", Role.DIAGNOSTIC, units="m"),
    Variable("tcc", Role.DIAGNOSTIC),
)


@pytest.fixture
def fields():
    """Plausible values of :data:`VARIABLES`, ``(time, grid, variable)`` float32, NaN over land."""
    rng = np.random.default_rng(7)
    size = (20, POINTS)
    land = np.arange(POINTS) % 3 == 0
    tp = rng.exponential(0.002, size) * (rng.random(size) < 0.5)
    columns = [
        rng.normal(275, 12, size),
        rng.exponential(1e-3, size),
        rng.exponential(5e-3, size),
        rng.uniform(0, 360, size),
        np.where(land, np.nan, rng.normal(290, 8, size)),
        np.broadcast_to(land, size),
        rng.random(size),
        np.where(land, np.nan, rng.random(size)),
        tp,
        tp * rng.random(size),
        rng.random(size),
    ]
    return np.stack(columns, axis=-1).astype(np.float32)


@pytest.fixture
def domain(fields):
    """What those look like."""
    names = [variable.name for variable in VARIABLES]
    missing = {name: np.isnan(fields[0, :, names.index(name)]) for name in ("sst", "ice")}
    constants = {"lsm": fields[0, :, names.index("lsm")]}
    return make_domain(VARIABLES, fields, missing=missing, constants=constants)


@pytest.fixture
def pick(fields, domain):
    """Those fields of some variables, as a tensor."""
    return lambda *names: torch.tensor(fields[..., domain.columns(names)])


def moments(values):
    """What ``Domain.measured`` holds of one variable, ``(time, grid)``."""
    values = values.astype(np.float64)
    functions = (np.nanmean, np.nanstd, np.nanmin, np.nanmax)
    return np.array(
        [[function(each) for function in functions] for each in (values, np.diff(values, axis=0))]
    )
