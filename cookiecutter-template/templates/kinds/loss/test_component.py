import pytest
import torch
from anemoi.core.errors import ConfigError

from {{ cookiecutter.__package }}.{{ cookiecutter.kind }} import {{ cookiecutter.__class }}


def loss_of(error, **options):
    """The loss of one error, the same in every cell and every variable."""
    shape = (2, 1, 4, 3)  # (batch, ensemble, grid, variable)
    weights = {"node_weights": torch.full((4,), 0.25), "variable_weights": torch.full((3,), 1 / 3)}
    loss = {{ cookiecutter.__class }}(**weights, **options)
    return loss(torch.full(shape, error), torch.zeros(shape)).item()


def test_a_small_error_counts_by_its_square():
    assert loss_of(0.1) == pytest.approx(0.5 * 0.1**2)


def test_a_large_error_counts_by_its_size():
    assert loss_of(11.0, delta=2.0) - loss_of(10.0, delta=2.0) == pytest.approx(2.0, rel=1e-5)


def test_a_delta_of_zero_is_refused():
    with pytest.raises(ConfigError, match="delta"):
        loss_of(1.0, delta=0.0)
