"""Scores over members against the formula that each stands for."""

import numpy as np
import pytest
import torch
from anemoi.core.config import build, compose
from anemoi.core.errors import ConfigError
from anemoi.core.grid import Grid
from anemoi_plugin_testing import check

from anemoi_plugin_training.losses.crps import ContinuousRankedProbabilityScore
from anemoi_plugin_training.losses.energy_score import EnergyScore
from anemoi_plugin_training.losses.multiscale_crps import MultiscaleCRPS, boxes
from anemoi_plugin_training.losses.spectral_crps import SpectralCRPS
from anemoi_plugin_training.preparation import rehearse

from .test_losses import (
    COLUMNS,
    DOMAIN,
    ONE,
    ROWS,
    area_weights,
    domain_of,
    fields,
    harmonic,
    random,
    reduced,
    regular,
    waves,
)

SCORES = [ContinuousRankedProbabilityScore, EnergyScore, MultiscaleCRPS, SpectralCRPS]


def score_of(members, truth, alpha, distance):
    """By pairs, in float64: ``members`` is a list."""
    count = len(members)
    of_truth = np.mean([distance(one, truth) for one in members])
    if count == 1:
        return of_truth
    pairs = sum(distance(one, other) for one in members for other in members)
    return of_truth - (1 - alpha) * pairs / (2 * count**2) - alpha * pairs / (2 * count * (count - 1))


@pytest.mark.parametrize("truths", [1, 4])
@pytest.mark.parametrize(("members", "alpha"), [(1, 0.95), (2, 1.0), (4, 0.95), (4, 0.0)])
def test_the_energy_score_is_the_sum_over_pairs_of_states(members, alpha, truths):
    prediction, target, weights = (each.double() for each in fields(members, truths))
    found = EnergyScore(domain=DOMAIN, alpha=alpha)(prediction, target, weights)
    wanted = [
        score_of(
            list(prediction[sample, time]),
            target[sample, time, truth],
            alpha,
            lambda one, other, weight=weights[sample, time, 0]: float(
                (weight * (one - other) ** 2).mean().sqrt()
            ),
        )
        for sample in range(2)
        for time in range(2)
        for truth in range(truths)
    ]
    assert float(found) == pytest.approx(np.mean(wanted), rel=1e-6)


def test_the_energy_score_of_one_number_is_the_crps():
    prediction, target = random(3, 2, 5, 1, 1), random(3, 2, 1, 1, 1, seed=1)
    domain = domain_of(Grid(np.zeros(1), np.zeros(1)), outputs=1)
    one, other = (
        score(domain=domain)(prediction, target, ONE)
        for score in (EnergyScore, ContinuousRankedProbabilityScore)
    )
    assert float(one) == pytest.approx(float(other), rel=1e-5)


def test_the_energy_score_sees_whether_variables_go_together():
    """Members of the right spread in each variable, but of the wrong sign together."""
    truth = random(400, 1, 1, 1, 1).expand(-1, -1, -1, -1, 2)
    right = random(400, 1, 8, 1, 1, seed=1).expand(-1, -1, -1, -1, 2)
    wrong = right * torch.tensor([1.0, -1.0])
    domain = domain_of(Grid(np.zeros(1), np.zeros(1)))
    score, each = EnergyScore(domain=domain), ContinuousRankedProbabilityScore(domain=domain)
    assert float(score(right, truth, ONE)) < 0.95 * float(score(wrong, truth, ONE))
    assert float(each(right, truth, ONE)) == pytest.approx(float(each(wrong, truth, ONE)), rel=0.03)


@pytest.mark.parametrize("columns", [15, 16])
@pytest.mark.parametrize(("members", "alpha"), [(1, 0.95), (3, 0.95), (3, 1.0)])
def test_the_spectral_crps_is_that_of_each_coefficient(members, alpha, columns):
    """From a real Fourier basis in float64, instead of a transform."""
    points = ROWS * columns
    prediction, target = random(1, 1, members, points, 1), random(1, 1, 1, points, 1, seed=1)
    angle = 2 * np.pi / columns * np.arange(columns)
    numbers = np.arange(1, (columns - 1) // 2 + 1)
    basis = [np.ones(columns), *(np.sqrt(2) * f(k * angle) for k in numbers for f in (np.cos, np.sin))]
    if columns % 2 == 0:
        basis.append(np.cos(columns // 2 * angle))
    basis = np.stack(basis) / np.sqrt(columns)
    assert basis @ basis.T == pytest.approx(np.eye(columns))
    ours, true = (each.double().numpy().reshape(-1, ROWS, columns) @ basis.T for each in (prediction, target))
    wanted = [
        score_of(list(ours[:, row, k]), true[0, row, k], alpha, lambda one, other: abs(one - other))
        for row in range(ROWS)
        for k in range(columns)
    ]
    found = SpectralCRPS(domain=domain_of(regular(columns=columns), 1), alpha=alpha)(prediction, target, ONE)
    assert float(found) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_the_spectral_crps_of_white_noise_is_the_crps():
    prediction, target = random(40, 1, 4, ROWS * COLUMNS, 2), random(40, 1, 1, ROWS * COLUMNS, 2, seed=1)
    one, other = (
        score(domain=DOMAIN)(prediction, target, ONE)
        for score in (SpectralCRPS, ContinuousRankedProbabilityScore)
    )
    assert float(one) == pytest.approx(float(other), rel=0.02)


def test_the_spectral_crps_by_harmonics_is_that_of_one_coefficient():
    grid = reduced(8)
    function = torch.from_numpy(harmonic(grid, 5, 3)).float().view(1, 1, 1, -1, 1)
    sizes, truth, domain = torch.tensor([0.5, 1.0, 1.8]), 1.2, domain_of(grid, 1)
    score = SpectralCRPS(domain=domain)
    found = score(
        sizes.view(1, 1, 3, 1, 1) * function, truth * function, area_weights(grid).view(1, 1, 1, -1, 1)
    )
    wanted = score_of(sizes.tolist(), truth, 0.95, lambda one, other: abs(one - other))
    # One of all coefficients, in units in which the mean of their squares is that of the field.
    assert float(found) == pytest.approx(wanted / score.spectrum.degrees, rel=0.05)


def test_the_spectral_crps_refuses_other_grids():
    with pytest.raises(ConfigError, match="The loss spectral-crps needs a regular grid"):
        SpectralCRPS(domain=domain_of(Grid(np.linspace(-80, 80, 20), 137.5 * np.arange(20) % 360)))


@pytest.mark.parametrize("members", [1, 3])
def test_the_multiscale_crps_is_the_mean_of_the_crps_of_means_over_boxes(members):
    prediction, target, weights = fields(members)
    weights[:, :, :, :9] = 0.0
    scales = [3000.0, 9000.0]
    cell = ContinuousRankedProbabilityScore(domain=DOMAIN)
    wanted = [float(cell(prediction, target, weights))]
    for scale in scales:
        numbers, total = boxes(DOMAIN.grid, scale), 0.0
        for number in range(numbers.max() + 1):
            there = torch.from_numpy(numbers == number)
            share = weights[:, :, :, there].double()
            size = share.sum(3, keepdim=True)
            if size.any():
                means = (
                    (share * each[:, :, :, there]).sum(3, keepdim=True) / size
                    for each in (prediction, target)
                )
                total += float(cell(*means, size))
        wanted.append(total / len(DOMAIN.grid))
    found = MultiscaleCRPS(domain=DOMAIN, scales=scales)(prediction, target, weights)
    assert float(found) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_boxes_are_of_about_the_same_area_and_within_a_band():
    grid = Grid(np.repeat(89.0 - 2.0 * np.arange(90), 180), np.tile(2.0 * np.arange(180) - 180.0, 90))
    numbers = boxes(grid, 2000.0)
    areas = np.bincount(numbers, grid.areas / grid.areas.sum()) * 5.101e8  # km²
    assert np.median(areas) == pytest.approx(2000.0**2, rel=0.1)
    assert 0.5 < areas.min() / 2000.0**2 < areas.max() / 2000.0**2 < 2
    for number in range(len(areas)):
        latitudes, longitudes = grid.latitudes[numbers == number], grid.longitudes[numbers == number]
        around = np.unique(np.round(longitudes % 360)).size * 2.0 * np.cos(np.deg2rad(latitudes.mean()))
        assert np.ptp(latitudes) * 111.2 < 2000.0
        assert around * 111.2 < 1.5 * 2000.0


def test_the_multiscale_crps_minds_errors_of_one_sign_more():
    """Of two ensembles that are as good in each cell, the one whose errors agree over a box is worse."""
    wide, narrow = waves((1, 1.0, 0.0)), waves((8, 1.0, 0.0), columns=COLUMNS)
    narrow = narrow * wide.abs().mean() / narrow.abs().mean()
    cell, boxed = (
        [float(score(each, torch.zeros_like(each), ONE)) for each in (wide, narrow)]
        for score in (
            ContinuousRankedProbabilityScore(domain=DOMAIN),
            MultiscaleCRPS(domain=DOMAIN, scales=[6000]),
        )
    )
    assert cell[0] == pytest.approx(cell[1])
    assert boxed[0] > 1.3 * boxed[1]


@pytest.mark.parametrize("score", SCORES)
def test_a_score_refuses_an_alpha_out_of_range_and_a_fair_one_needs_two_members(score):
    with pytest.raises(ConfigError, match="alpha"):
        score(domain=DOMAIN, alpha=1.1)
    assert [score(domain=DOMAIN, alpha=alpha).least_members for alpha in (0.0, 0.95, 1.0)] == [1, 1, 2]


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "combined", "losses": {"fair": {"name": "crps", "alpha": 1.0}, "square": {"name": "mse"}}},
        {"name": "time-aggregated", "loss": {"name": "energy-score", "alpha": 1.0}},
    ],
)
def test_a_loss_of_losses_needs_as_many_members_as_its_parts(spec):
    built = build("loss", spec, domain=DOMAIN)
    assert built.least_members == 2
    assert built.scores_members


def test_a_score_of_share_zero_makes_no_score_of_a_combination():
    spec = {"name": "combined", "losses": {"score": {"name": "crps"}, "square": {"name": "mse"}}}
    assert build("loss", spec, domain=DOMAIN).scores_members
    assert not build("loss", {**spec, "shares": {"score": 0.0}}, domain=DOMAIN).scores_members


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("spectral-crps", {"transform": "harmonics"}),
        ("multiscale-crps", {"scales": [6000.0, 12000.0]}),
        ("energy-score", {"alpha": 1.0}),
    ],
)
def test_a_score_is_a_loss_with_other_options_too(name, options):
    assert [str(each) for each in check("loss", name, **options) if each.status == "fail"] == []


@pytest.mark.parametrize(
    "loss", [["loss=crps"], ["loss=energy-score"], ["loss=multiscale-crps"], ["loss=spectral-crps"]]
)
def test_a_fair_score_of_one_member_is_refused_before_values_are_read(loss):
    composition = compose("train", ["data=sample", *loss, "loss.alpha=1"])
    with pytest.raises(
        ConfigError, match=r"^loss: .* needs 2 members of each sample, and the objective trains one"
    ):
        rehearse(composition)
