import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.steps import Steps
from anemoi.core.variable import Role, Variable

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

SIX_HOURS = np.timedelta64(6 * 3600, "s")
STEPS = Steps((-SIX_HOURS, 0 * SIX_HOURS), (SIX_HOURS,), SIX_HOURS, SIX_HOURS)
VARIABLES = (
    Variable("lsm", role=Role.FORCING, constant=True),
    Variable("t"),
    Variable("tp", role=Role.DIAGNOSTIC),
)


@pytest.fixture
def domain():
    """Three variables, one of each role, on points all over the globe; changes of ``t`` are of size 0.1."""
    latitudes, longitudes = np.meshgrid(np.arange(-80.0, 90.0, 20.0), np.arange(0.0, 360.0, 30.0))
    ones = np.ones(3)
    return Domain(
        variables=VARIABLES,
        grid=Grid(latitudes.ravel(), longitudes.ravel()),
        frequency=SIX_HOURS,
        statistics=Statistics(0 * ones, ones, -ones, ones),
        changes=Statistics(0 * ones, 0.1 * ones, -ones, ones),
    )


def built(domain, **options):
    torch.manual_seed(0)
    given = {"graph": None, "steps": {"data": STEPS}, "channels": 8, **options}
    return {{ cookiecutter.__class }}(domains={"data": domain}, **given)


def test_a_change_at_one_point_is_felt_everywhere(domain):
    model, fields = built(domain), torch.randn(1, 2, 1, len(domain.grid), 2)
    changed = fields.clone()
    changed[..., 7, 1] += 1.0
    moved = model({"data": changed})["data"] - model({"data": fields})["data"]
    assert (moved.abs().amax(dim=-1) > 0).all()


def test_changes_are_in_units_of_their_standard_deviation(domain):
    model, fields = built(domain), torch.randn(1, 2, 1, len(domain.grid), 2)
    with torch.no_grad():
        model.ends["data"].decoder.weight.zero_()
        model.ends["data"].decoder.bias.fill_(2.0)
    out = model({"data": fields})["data"]
    torch.testing.assert_close(out[:, 0, ..., 0], fields[:, -1, ..., 1] + 0.2)
    torch.testing.assert_close(out[..., 1], torch.full_like(out[..., 1], 2.0))


def test_a_point_counts_by_its_area(domain):
    """Two points in one place count as much as one."""
    shares = built(domain).ends["data"].shares[:, 0]
    areas = torch.from_numpy(domain.grid.areas).float()
    torch.testing.assert_close(shares, areas / areas.sum())


def test_no_modes_are_refused(domain):
    with pytest.raises(ConfigError, match="modes"):
        built(domain, modes=0)
