"""Losses against the formula that each stands for."""

import numpy as np
import pytest
import torch
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable
from anemoi_plugin_testing import check
from torch.nn import functional

from anemoi_plugin_training import Loss
from anemoi_plugin_training.losses.crps import ContinuousRankedProbabilityScore
from anemoi_plugin_training.losses.mae import MeanAbsoluteError
from anemoi_plugin_training.losses.mse import MeanSquaredError
from anemoi_plugin_training.losses.spectral import SpectralError

ROWS, COLUMNS = 6, 16


def domain_of(grid, outputs=2):
    unknown = Statistics(*np.full((4, outputs), np.nan))
    variables = tuple(Variable(name=f"v{place}") for place in range(outputs))
    return Domain(variables, grid, np.timedelta64(6, "h"), unknown, unknown)


def regular(rows=ROWS, columns=COLUMNS, turn=360.0):
    north, east = np.linspace(75, -75, rows), turn / columns * np.arange(columns)
    latitudes, longitudes = np.meshgrid(north, east, indexing="ij")
    return Grid(latitudes.ravel(), longitudes.ravel())


DOMAIN = domain_of(regular())


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def fields(members=3, truths=1):
    """Prediction, target and weights."""
    points = ROWS * COLUMNS
    weights = random(2, 2, 1, points, 2, seed=2).exp()
    return random(2, 2, members, points, 2), random(2, 2, truths, points, 2, seed=1), weights


def mean_of_cells(error, weights):
    """Ten lines in float64, cell by cell: the weighted mean of ``(batch, time, grid, outputs)``."""
    return float((error.double() * weights.double().squeeze(2)).mean())


@pytest.mark.parametrize("truths", [1, 3])
@pytest.mark.parametrize(("loss", "power"), [(MeanSquaredError, 2), (MeanAbsoluteError, 1)])
def test_a_pointwise_loss_is_the_mean_of_weights_times_error(loss, power, truths):
    prediction, target, weights = fields(truths=truths)
    error = (prediction - target).abs().pow(power).mean(2)
    found = loss(domain=DOMAIN)(prediction, target, weights)
    assert float(found) == pytest.approx(mean_of_cells(error, weights), rel=1e-5)


@pytest.mark.parametrize("members", [2, 3, 8])
@pytest.mark.parametrize("alpha", [0.0, 0.95, 1.0])
def test_crps_is_the_sum_over_pairs_of_members(members, alpha):
    prediction, target, weights = fields(members)
    of_truth = (prediction - target).abs().mean(2)
    pairs = (prediction[:, :, :, None] - prediction[:, :, None]).abs().sum((2, 3))
    biased, fair = pairs / (2 * members**2), pairs / (2 * members * (members - 1))
    wanted = mean_of_cells(of_truth - (1 - alpha) * biased - alpha * fair, weights)
    found = ContinuousRankedProbabilityScore(domain=DOMAIN, alpha=alpha)(prediction, target, weights)
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_biased_crps_is_the_integral_of_the_squared_difference_of_distributions():
    prediction, target = torch.tensor([-0.4, 0.3, 1.1]), 0.2
    x = torch.linspace(-3, 3, 600_001, dtype=torch.float64)
    below = (prediction[:, None] <= x).double().mean(0)
    wanted = torch.trapezoid((below - (x >= target).double()).square(), x)
    found = ContinuousRankedProbabilityScore(domain=DOMAIN, alpha=0.0)(
        prediction.view(1, 1, 3, 1, 1), torch.full((1, 1, 1, 1, 1), target), torch.ones(1, 1, 1, 1, 1)
    )
    assert float(found) == pytest.approx(float(wanted), abs=1e-4)


def test_fair_crps_does_not_depend_on_the_number_of_members():
    loss = ContinuousRankedProbabilityScore(domain=DOMAIN, alpha=1.0)
    weights, truth = torch.ones((1,) * 5), random(1, 1, 1, 40_000, 1, seed=1)
    few, many = (loss(random(1, 1, members, 40_000, 1), truth, weights) for members in (2, 20))
    # Of a standard normal distribution against itself: 1 / sqrt(pi).
    assert float(few) == pytest.approx(np.pi**-0.5, rel=0.02)
    assert float(many) == pytest.approx(np.pi**-0.5, rel=0.02)


def test_crps_of_one_member_is_the_absolute_error():
    given = fields(members=1)
    assert torch.equal(
        ContinuousRankedProbabilityScore(domain=DOMAIN)(*given), MeanAbsoluteError(domain=DOMAIN)(*given)
    )


def test_crps_against_several_truths_is_the_mean_over_them():
    prediction, target, weights = fields(truths=3)
    loss = ContinuousRankedProbabilityScore(domain=DOMAIN)
    one_by_one = [float(loss(prediction, target[:, :, [member]], weights)) for member in range(3)]
    assert float(loss(prediction, target, weights)) == pytest.approx(np.mean(one_by_one), rel=1e-5)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_crps_refuses_an_alpha_out_of_range(alpha):
    with pytest.raises(ConfigError, match="alpha"):
        ContinuousRankedProbabilityScore(domain=DOMAIN, alpha=alpha)


def waves(*waves, columns=COLUMNS):
    """A field ``(1, 1, 1, grid, 2)``: the same waves on every circle, ``(wavenumber, amplitude, phase)``."""
    angle = 2 * torch.pi / columns * torch.arange(columns)
    circle = sum(amplitude * torch.cos(number * angle + phase) for number, amplitude, phase in waves)
    return circle.expand(ROWS, columns).reshape(1, 1, 1, -1, 1).expand(-1, -1, -1, -1, 2)


ONE = torch.ones((1,) * 5)


@pytest.mark.parametrize("columns", [15, 16])
def test_the_spectral_error_of_a_shift_is_the_mean_squared_error(columns):
    domain = domain_of(regular(columns=columns))
    truth, shifted = (
        waves((0, 0.3, 0), (2, 1.0, phase), (5, 0.5, -phase), (columns // 2 - 1, 0.2, phase), columns=columns)
        for phase in (0.0, 0.7)
    )
    found = SpectralError(domain=domain)(shifted, truth, ONE)
    assert float(found) == pytest.approx(float(functional.mse_loss(shifted, truth)), rel=1e-4)


@pytest.mark.parametrize("columns", [15, 16])
def test_the_spectral_error_of_a_factor_is_the_mean_squared_error(columns):
    domain, truth = domain_of(regular(columns=columns)), random(2, 1, 1, ROWS * columns, 2)
    found = SpectralError(domain=domain)(0.6 * truth, truth, ONE)
    assert float(found) == pytest.approx(float(functional.mse_loss(0.6 * truth, truth)), rel=1e-4)


def test_the_spectral_error_is_the_formula_of_the_paper():
    """Wavenumber by wavenumber, from the coherence, with all coefficients of a complex transform."""
    prediction, target, weights = fields()
    taper = weights.double().sqrt()
    shape = (ROWS, COLUMNS)
    x, y = (
        torch.fft.fft((taper * each.double()).unflatten(3, shape), dim=4, norm="ortho")
        for each in (prediction, target)
    )
    p, q = x.abs().square().sum(3), y.abs().square().sum(3)
    coherence = (x * y.conj()).real.sum(3) / (p * q).sqrt()
    error = (p.sqrt() - q.sqrt()).square() + 2 * torch.maximum(p, q) * (1 - coherence)
    wanted = float(error.sum(3).mean() / (ROWS * COLUMNS))
    assert float(SpectralError(domain=DOMAIN)(prediction, target, weights)) == pytest.approx(wanted, rel=1e-4)


def test_the_spectral_error_does_not_reward_smoothing():
    """Where the phase is a matter of chance, the MSE is smallest without a wave; this error is not."""
    truth, loss = waves((4, 1.0, 0.0)), SpectralError(domain=DOMAIN)
    phases = 2 * torch.pi * (torch.arange(12) + 0.5) / 12

    def expected(measure, amplitude):
        return np.mean([float(measure(waves((4, amplitude, float(each))), truth, ONE)) for each in phases])

    squared = MeanSquaredError(domain=DOMAIN)
    assert expected(squared, 0.1) < 0.6 * expected(squared, 1.0)
    assert expected(loss, 0.1) > 0.95 * expected(loss, 1.0)


def test_the_spectral_error_has_a_finite_gradient_where_there_is_no_power():
    prediction = torch.zeros(1, 1, 1, ROWS * COLUMNS, 2, requires_grad=True)
    SpectralError(domain=DOMAIN)(prediction, waves((3, 1.0, 0.0)), ONE).backward()
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize(
    "grid",
    [
        Grid(np.linspace(-80, 80, 20), 137.5 * np.arange(20) % 360),
        regular(turn=180.0),
        regular(turn=350.0),
    ],
    ids=["spiral", "half", "nearly-whole"],
)
def test_the_spectral_error_refuses_other_grids(grid):
    with pytest.raises(ConfigError, match="regular grid") as refusal:
        SpectralError(domain=domain_of(grid))
    assert "loss=mse" in refusal.value.fix


class LatitudeBands(Loss):
    """As a third party writes one: the squared error of the weighted mean over each band of latitudes."""

    def __init__(self, *, domain, width: float = 30.0):
        super().__init__(domain=domain)
        bands = np.unique((domain.grid.latitudes + 90) // width, return_inverse=True)[1]
        members = functional.one_hot(torch.from_numpy(bands)).T.float()  # (band, grid)
        self.register_buffer("mean", members / members.sum(dim=1, keepdim=True), persistent=False)

    def forward(self, prediction, target, weights):
        return (self.mean @ (weights * (prediction - target))).square().mean()


def test_a_loss_by_bands_of_latitude_sees_means_over_them_alone():
    loss = LatitudeBands(domain=DOMAIN, width=30.0)
    prediction, target, weights = fields()
    error, latitudes = (weights * (prediction - target)).numpy(), DOMAIN.grid.latitudes
    wanted = np.mean(
        [error[..., latitudes == north, :].mean(3) ** 2 for north in (-75, -45, -15, 15, 45, 75)]
    )
    assert float(loss(prediction, target, weights)) == pytest.approx(wanted, rel=1e-4)
    # What cancels within each band costs nothing.
    assert float(loss(target + waves((3, 1.0, 0.2)), target, ONE)) < 1e-10


def test_a_loss_by_bands_of_latitude_is_a_loss():
    assert [str(each) for each in check("loss", LatitudeBands) if each.status != "pass"] == []
