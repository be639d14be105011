import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.variable import Role, Variable

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

HOUR = np.timedelta64(3600, "s")
VARIABLES = (Variable("t"), Variable("tp", role=Role.DIAGNOSTIC, units="m", accumulated=6 * HOUR))
MEASURED = np.array([[0.1, 0.2, 0.0, 3.0], [0.0, 0.3, -3.0, 3.0]])


@pytest.fixture
def domain():
    """A temperature and precipitation at three points."""
    ones = np.ones(2)
    return Domain(
        variables=VARIABLES,
        grid=Grid(np.array([0.0, 10.0, 20.0]), np.zeros(3)),
        frequency=6 * HOUR,
        statistics=Statistics(0 * ones, ones, 0 * ones, ones),
        changes=Statistics(0 * ones, ones, -ones, ones),
        measured={"tp": MEASURED},
    )


def test_what_is_accumulated_becomes_its_root_and_nothing_else_does(domain):
    step = {{ cookiecutter.__class }}(domain=domain, softening=1e-8)
    values = torch.tensor([[4.0, 4.0], [0.0, 0.0], [9.0, 9.0]])
    made = step(values, ("t", "tp"))
    torch.testing.assert_close(made, torch.tensor([[4.0, 2.0], [0.0, 0.0], [9.0, 3.0]]), atol=2e-4, rtol=0)
    torch.testing.assert_close(step.inverse(made, ("t", "tp")), values, atol=1e-5, rtol=0)


def test_variables_can_be_chosen(domain):
    step = {{ cookiecutter.__class }}(domain=domain, variables=["t"])
    assert step.touches == {"t"}


def test_the_slope_at_zero_is_finite_and_beyond_it_is_that_of_the_root(domain):
    step = {{ cookiecutter.__class }}(domain=domain, softening=1e-4)
    small = torch.tensor([[1e-9]]), torch.tensor([[2e-9]])
    slope = (step(small[1], ("tp",)) - step(small[0], ("tp",))) / 1e-9
    assert slope.item() < 100.0
    assert step(torch.tensor([[1.0]]), ("tp",)).item() == pytest.approx(0.99, abs=1e-3)


def test_it_leaves_the_statistics_that_were_measured(domain):
    after = {{ cookiecutter.__class }}(domain=domain).after
    assert after.statistics.mean.tolist() == [0.0, 0.1]
    assert after.changes.stdev.tolist() == [1.0, 0.3]
    assert after["tp"].units is None


def test_an_unknown_variable_is_refused(domain):
    with pytest.raises(ConfigError, match="no variable rain"):
        {{ cookiecutter.__class }}(domain=domain, variables=["rain"])
