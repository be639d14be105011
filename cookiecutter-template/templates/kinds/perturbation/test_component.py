from types import SimpleNamespace

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Analysis
from anemoi.core.variable import Role, Variable

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import {{ cookiecutter.__class }}

SIX_HOURS = np.timedelta64(6 * 3600, "s")
START = np.datetime64("2025-12-22T00", "s")
POINTS = 500
DOMAIN = Domain(
    variables=(Variable("a"), Variable("b", role=Role.FORCING), Variable("c")),
    grid=Grid(np.linspace(-80.0, 80.0, POINTS), np.zeros(POINTS)),
    frequency=SIX_HOURS,
    statistics=Statistics(np.zeros(3), np.ones(3), -np.ones(3), np.ones(3)),
    changes=Statistics(np.zeros(3), np.array([1.0, np.nan, 10.0]), -np.ones(3), np.ones(3)),
)


def numbers_of(member):
    return torch.Generator().manual_seed(member)


def given(date):
    return SimpleNamespace(of=lambda step: {"data": torch.zeros(1, 2, 1, POINTS, 3)})


def begun(member=1, **options):
    """The inputs of a member, ``(time in, grid, inputs)``, where those of the control are zero."""
    model = SimpleNamespace(normalised={"data": DOMAIN}, enforce_inputs=lambda inputs: inputs)
    analysis = Analysis(model, START, SIX_HOURS, given, numbers_of)
    found = {{ cookiecutter.__class }}(**options).perturbed(analysis, member, numbers_of(member))
    return found["data"][0, :, 0]


def test_prognostic_variables_have_noise_in_units_of_their_change():
    sizes = begun(amplitude=0.5).std(dim=(0, 1))
    assert sizes[0].item() == pytest.approx(0.5, rel=0.1)
    assert sizes[1].item() == 0.0
    assert sizes[2].item() == pytest.approx(5.0, rel=0.1)


def test_the_change_that_the_model_sees_is_that_of_the_data():
    earlier, now = begun()
    assert torch.equal(earlier, now)


def test_each_member_has_its_own():
    one, other = begun(1), begun(2)
    assert not torch.equal(one, other)
    assert torch.equal(one, begun(1))


@pytest.mark.parametrize("amplitude", [0.0, -1.0, float("nan")])
def test_an_amplitude_of_nothing_is_refused(amplitude):
    with pytest.raises(ConfigError, match="amplitude is"):
        {{ cookiecutter.__class }}(amplitude=amplitude)
