"""Losses against the formula that each stands for."""

from math import factorial

import numpy as np
import pytest
import torch
from anemoi.core.config import Builder, build
from anemoi.core.domain import Domain, Statistics
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable
from anemoi_plugin_testing import check
from scipy.special import lpmv
from torch.nn import functional

from anemoi_plugin_training import Loss
from anemoi_plugin_training.losses.crps import ContinuousRankedProbabilityScore
from anemoi_plugin_training.losses.huber import Huber
from anemoi_plugin_training.losses.log_cosh import LogCosh, log_cosh
from anemoi_plugin_training.losses.mae import MeanAbsoluteError
from anemoi_plugin_training.losses.mse import MeanSquaredError
from anemoi_plugin_training.losses.power_spectrum import PowerSpectrumError
from anemoi_plugin_training.losses.rmse import RootMeanSquaredError
from anemoi_plugin_training.losses.spectra import Circles, Harmonics, spectrum_of
from anemoi_plugin_training.losses.spectral import SpectralError
from anemoi_plugin_training.losses.time_aggregated import TimeAggregatedLoss

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


@pytest.mark.parametrize("truths", [1, 3])
@pytest.mark.parametrize("delta", [0.3, 1.0])
def test_huber_is_the_square_of_small_errors_and_the_size_of_large_ones(delta, truths):
    prediction, target, weights = fields(truths=truths)
    size = (prediction - target).abs().double()
    error = torch.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)).mean(2)
    found = Huber(domain=DOMAIN, delta=delta)(prediction, target, weights)
    assert float(found) == pytest.approx(mean_of_cells(error, weights), rel=1e-5)


def test_log_cosh_is_what_it_says():
    prediction, target, weights = fields()
    error = (prediction - target).double().cosh().log().mean(2)
    found = LogCosh(domain=DOMAIN)(prediction, target, weights)
    assert float(found) == pytest.approx(mean_of_cells(error, weights), rel=1e-5)


@pytest.mark.parametrize("error", [1e-5, 1e-3, 0.5, 1.0, 3.0, 1e3])
def test_log_cosh_keeps_its_digits_and_its_gradient_whatever_the_error(error):
    given = torch.tensor(error, requires_grad=True)
    value = log_cosh(given)
    value.backward()
    exact = np.log(np.cosh(error)) if error < 100 else error - np.log(2)
    assert value.item() == pytest.approx(0.5 * error**2 if error < 1e-2 else exact, rel=1e-5)
    assert given.grad.item() == pytest.approx(np.tanh(error), rel=1e-4)


def test_rmse_is_the_root_of_each_sample_and_lead_time():
    prediction, target, weights = fields()
    squares = (weights * (prediction - target).square()).double()
    wanted = np.mean([float(squares[b, t].mean().sqrt()) for b in range(2) for t in range(2)])
    assert float(RootMeanSquaredError(domain=DOMAIN)(prediction, target, weights)) == pytest.approx(wanted)
    # So a batch is the mean of its samples.
    alone = [
        RootMeanSquaredError(domain=DOMAIN)(*(each[[b]] for each in (prediction, target, weights)))
        for b in range(2)
    ]
    assert float(torch.stack(alone).mean()) == pytest.approx(wanted)


def test_a_combination_is_the_sum_of_its_losses_times_their_shares():
    given = fields()
    spec = {
        "name": "combined",
        "losses": {"square": {"name": "mse"}, "members": {"name": "crps", "alpha": 1.0}},
        "shares": {"members": 0.25},
    }
    squared = MeanSquaredError(domain=DOMAIN)(*given)
    score = ContinuousRankedProbabilityScore(domain=DOMAIN, alpha=1.0)(*given)
    found = build("loss", spec, domain=DOMAIN)(*given)
    assert float(found) == pytest.approx(float(squared + 0.25 * score), rel=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"losses": {}}, "Losses cannot be combined"),
        ({"shares": {"mse": -1.0}}, "Losses cannot be combined"),
        ({"shares": {"mse": 0.0}}, "Losses cannot be combined"),
        ({"shares": {"msee": 1.0}}, "shares.msee is the weight of no loss"),
    ],
)
def test_a_combination_that_is_none_is_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        build("loss", {"name": "combined", **options}, domain=DOMAIN)


@pytest.mark.parametrize(("aggregate", "factor"), [("mean", 1), ("sum", 2)])
def test_a_time_aggregated_loss_is_that_of_the_mean_or_the_sum(aggregate, factor):
    prediction, target, _ = fields()
    weights = random(1, 1, 1, ROWS * COLUMNS, 2, seed=2).exp()  # the same at all times
    error = (factor * (prediction.mean(1) - target.mean(1))).square().mean(1)[:, None]
    spec = {"name": "time-aggregated", "aggregate": aggregate}
    found = build("loss", spec, domain=DOMAIN)(prediction, target, weights)
    assert float(found) == pytest.approx(mean_of_cells(error, weights), rel=1e-5)


def test_a_time_aggregated_loss_weighs_times_and_takes_another_loss():
    prediction, target, weights = fields(members=1)
    share = weights / weights.sum(1, keepdim=True)
    error = (share * (prediction - target)).sum(1).abs().mean(1)[:, None]
    found = TimeAggregatedLoss(domain=DOMAIN, loss=Builder("loss", {"name": "mae"}))(
        prediction, target, weights
    )
    assert float(found) == pytest.approx(mean_of_cells(error, weights.mean(1, keepdim=True)), rel=1e-4)


def test_a_time_aggregated_loss_leaves_out_what_has_no_weight_at_any_time():
    prediction, target, weights = fields()
    loss, weights[..., :7, :] = TimeAggregatedLoss(domain=DOMAIN), 0.0
    before = loss(prediction, target, weights)
    prediction[..., :7, :] += 100.0
    assert torch.equal(loss(prediction, target, weights), before)
    assert before.isfinite()


def test_the_power_spectrum_error_pays_no_heed_to_phases():
    truth, shifted = (waves((2, 1.0, phase), (5, 0.5, -phase)) for phase in (0.0, 0.7))
    loss = PowerSpectrumError(domain=DOMAIN)
    assert float(loss(shifted, truth, ONE)) < 1e-6
    # Of a factor it is the mean squared error: all of that is amplitude.
    wanted = float(functional.mse_loss(0.6 * truth, truth))
    assert float(loss(0.6 * truth, truth, ONE)) == pytest.approx(wanted, rel=1e-3)


def test_the_power_spectrum_error_is_the_formula():
    prediction, target, weights = fields()
    taper = weights.double().sqrt()
    p, q = (
        torch.fft.fft((taper * each.double()).unflatten(3, (ROWS, COLUMNS)), dim=4, norm="ortho")
        .abs()
        .square()
        .sum(3)
        for each in (prediction, target)
    )
    wanted = float((p.sqrt() - q.sqrt()).square().sum(3).mean() / (ROWS * COLUMNS))
    found = PowerSpectrumError(domain=DOMAIN)(prediction, target, weights)
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def reduced(half, turn=0.0, eastwards=1.0):
    """An octahedral reduced Gaussian grid, as O96 is with ``half`` 96, each row turned by ``turn``."""
    north = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(2 * half)[0][::-1]))
    counts = [20 + 4 * min(row, 2 * half - 1 - row) for row in range(2 * half)]
    east = [turn * row + eastwards * 360.0 / count * np.arange(count) for row, count in enumerate(counts)]
    return Grid(np.repeat(north, counts), np.concatenate(east))


def harmonic(grid, degree, order, phase=0.0):
    """A real spherical harmonic whose square has the mean one, by the functions of scipy."""
    scale = (2 * degree + 1) * factorial(degree - order) / factorial(degree + order) * (2 if order else 1)
    wave = np.cos(order * np.deg2rad(grid.longitudes) + phase)
    return np.sqrt(scale) * lpmv(order, degree, np.sin(np.deg2rad(grid.latitudes))) * wave


def area_weights(grid):
    return torch.from_numpy(grid.areas / grid.areas.mean()).float()[:, None]


GRIDS = {
    "O16": reduced(16),
    "O16-turned-westwards": reduced(16, turn=12.5, eastwards=-1.0),
    "gaussian": Grid(
        np.repeat(np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(20)[0])), 40),
        np.tile(9.0 * np.arange(40), 20),
    ),
    "equally-spaced": Grid(np.repeat(90 - 7.5 * (np.arange(24) + 0.5), 48), np.tile(7.5 * np.arange(48), 24)),
}


@pytest.mark.parametrize("name", GRIDS)
def test_harmonics_tell_total_wavenumbers_apart(name):
    grid = GRIDS[name]
    spectrum = spectrum_of(grid, "harmonics", "spectral")
    quadrature = Circles.of(grid)
    exact = np.repeat(quadrature.weights / 2 / quadrature.counts, quadrature.counts)
    weights = torch.from_numpy(exact * len(grid)).float()[:, None]  # so that nothing is left to do by weights
    for degree, order in [(0, 0), (1, 1), (4, 0), (6, 5), (9, 9)]:
        field = torch.from_numpy(harmonic(grid, degree, order, 0.4 * (order > 0))).float()[:, None]
        power = spectrum(field, weights).abs().square().sum(-3)[:, 0] / spectrum.size
        wanted = torch.zeros(len(power))
        wanted[degree] = 1.0
        torch.testing.assert_close(power, wanted, rtol=0, atol=2e-4)


def test_harmonics_of_o96_reach_half_a_circle_of_latitude_everywhere():
    circles = Circles.of(reduced(96))
    assert circles.counts[0] == 20
    assert max(circles.counts) == 400
    assert circles.degrees == 145
    assert sum(circles.counts) == 40320


def test_the_sum_over_harmonics_is_the_weighted_mean_of_squares():
    grid = reduced(16)
    weights = area_weights(grid)
    field = sum(harmonic(grid, degree, order) for degree, order in [(0, 0), (2, 1), (5, 3), (7, 7)])
    field = torch.from_numpy(field).float()[:, None]
    spectrum = spectrum_of(grid, "auto", "spectral")
    assert isinstance(spectrum, Harmonics)
    power = spectrum(field, weights).abs().square().sum() / spectrum.size
    assert float(power) == pytest.approx(float((weights * field.square()).mean()), rel=0.02)


@pytest.mark.parametrize(("loss", "rel"), [(SpectralError, 0.02), (PowerSpectrumError, 0.02)])
def test_spectral_errors_by_harmonics_of_a_factor_are_the_mean_squared_error(loss, rel):
    grid = reduced(16)
    domain, weights = domain_of(grid, outputs=1), area_weights(grid)
    truth = torch.from_numpy(harmonic(grid, 3, 2) + 0.5 * harmonic(grid, 8, 1)).float()
    truth = truth.view(1, 1, 1, -1, 1)
    found = float(loss(domain=domain)(0.6 * truth, truth, weights))
    assert found == pytest.approx(float((weights * (0.4 * truth).square()).mean()), rel=rel)


def test_a_spectral_error_by_harmonics_sees_a_phase_and_a_power_spectrum_does_not():
    grid = reduced(16)
    domain = domain_of(grid, outputs=1)
    truth, turned = (
        torch.from_numpy(harmonic(grid, 6, 4, phase)).float().view(1, 1, 1, -1, 1) for phase in (0.0, 0.7)
    )
    weights = area_weights(grid)
    mean = float((weights * (truth - turned).square()).mean())
    assert float(SpectralError(domain=domain)(turned, truth, weights)) == pytest.approx(mean, rel=0.02)
    assert float(PowerSpectrumError(domain=domain)(turned, truth, weights)) < 1e-3 * mean


@pytest.mark.parametrize("transform", ["zonal", "harmonics"])
def test_a_grid_without_the_transform_is_refused(transform):
    grid = reduced(8) if transform == "zonal" else regular(turn=180.0)
    with pytest.raises(ConfigError, match="circles of latitude"):
        SpectralError(domain=domain_of(grid), transform=transform)


def test_a_spectral_error_by_harmonics_is_a_loss():
    found = check("loss", "spectral", transform="harmonics")
    assert [str(each) for each in found if each.status == "fail"] == []
