from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from anemoi_plugin_verification.formulas import (
    anomaly_correlation,
    area_mean,
    bias,
    crps,
    rmse,
    skill_score,
)


@pytest.fixture
def fields() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    forecast, truth = rng.normal(1e5, 700, (2, 3, 50, 2))
    return forecast, truth, rng.normal(1e5, 300, (50, 2)), rng.uniform(0.1, 2.0, 50)


def test_the_mean_of_a_field_over_the_globe_is_its_integral(lat_lon) -> None:
    # the mean of sin² of latitude over the sphere is 1/3, of a unit field 1
    grid = lat_lon(5.0)
    field = np.stack([np.sin(np.radians(grid.latitudes)) ** 2, np.ones(len(grid))], axis=-1)
    assert area_mean(field, grid.areas) == pytest.approx([1 / 3, 1.0], abs=2e-3)


def test_rmse_and_bias_follow_their_formulas_point_by_point(fields) -> None:
    forecast, truth, _, areas = fields
    for i in range(3):
        for v in range(2):
            error = [forecast[i, g, v] - truth[i, g, v] for g in range(50)]
            mean_square = sum(a * e * e for a, e in zip(areas, error, strict=True)) / sum(areas)
            mean_error = sum(a * e for a, e in zip(areas, error, strict=True)) / sum(areas)
            assert rmse(forecast, truth, areas)[i, v] == pytest.approx(mean_square**0.5, rel=1e-12)
            assert bias(forecast, truth, areas)[i, v] == pytest.approx(mean_error, rel=1e-9)


def test_errors_of_float32_pressures_are_taken_in_float64() -> None:
    truth = np.full((50_000, 1), 101_325.0, np.float32)
    forecast = truth + np.float32(0.125)
    areas = np.linspace(1, 2, 50_000)
    assert rmse(forecast, truth, areas)[0] == pytest.approx(0.125, rel=1e-12)
    assert bias(forecast, truth, areas)[0] == pytest.approx(0.125, rel=1e-12)


def test_anomaly_correlation_of_equal_cells_is_the_pearson_correlation_of_the_anomalies(fields) -> None:
    forecast, truth, climatology, _ = fields
    acc = anomaly_correlation(forecast, truth, climatology, np.ones(50))
    for i in range(3):
        for v in range(2):
            expected = stats.pearsonr(
                forecast[i, :, v] - climatology[:, v], truth[i, :, v] - climatology[:, v]
            )
            assert acc[i, v] == pytest.approx(expected.statistic, rel=1e-12)


def test_anomaly_correlation_counts_a_cell_of_twice_the_area_twice(fields) -> None:
    forecast, truth, climatology, _ = fields
    times = np.arange(50) % 3 + 1
    forecast_, truth_, climatology_ = (np.repeat(x, times, axis=-2) for x in (forecast, truth, climatology))
    weighted = anomaly_correlation(forecast, truth, climatology, times.astype(float))
    assert weighted == pytest.approx(
        anomaly_correlation(forecast_, truth_, climatology_, np.ones(times.sum())), rel=1e-12
    )


def test_anomaly_correlation_knows_neither_amplitude_nor_mean_error(fields) -> None:
    _, truth, climatology, areas = fields
    forecast = climatology + 0.3 * (truth - climatology) + 42.0
    assert anomaly_correlation(forecast, truth, climatology, areas) == pytest.approx(1.0, abs=1e-9)
    assert anomaly_correlation(2 * climatology - truth, truth, climatology, areas) == pytest.approx(-1.0)


def test_the_climatology_has_no_anomaly_correlation(fields) -> None:
    _, truth, climatology, areas = fields
    assert np.isnan(
        anomaly_correlation(np.broadcast_to(climatology, truth.shape), truth, climatology, areas)
    ).all()


def test_skill_is_the_part_of_the_error_that_is_gone() -> None:
    skill = skill_score(np.array([0.0, 1.0, 2.0, 3.0, 1.0]), np.array([2.0, 2.0, 2.0, 2.0, 0.0]))
    assert skill == pytest.approx([1.0, 0.5, 0.0, -0.5, np.nan], nan_ok=True)


def test_cells_that_do_not_count_leave_their_area_to_the_others_of_their_variable(fields) -> None:
    forecast, truth, climatology, areas = fields
    holed = truth.copy()
    holed[:, 10:20, 1] = np.nan
    forecast[:, 15, 1] = np.nan
    kept = np.r_[0:10, 20:50]
    for score in (bias, rmse, lambda f, t, a: anomaly_correlation(f, t, climatology[: f.shape[-2]], a)):
        whole, parts = score(forecast, truth, areas), score(forecast, holed, areas)
        np.testing.assert_array_equal(parts[..., 0], whole[..., 0])  # to the bit, beside one with gaps
        assert np.isnan(whole[..., 1]).all()
    expected = rmse(forecast[:, kept], truth[:, kept], areas[kept])
    assert rmse(forecast, holed, areas)[:, 1] == pytest.approx(expected[:, 1], rel=1e-12)
    expected = anomaly_correlation(forecast[:, kept], truth[:, kept], climatology[kept], areas[kept])
    found = anomaly_correlation(forecast, holed, climatology, areas)
    assert found[:, 1] == pytest.approx(expected[:, 1], rel=1e-12)
    assert np.isnan(area_mean(truth, areas, np.zeros(truth.shape, bool))).all()


@pytest.mark.parametrize("fair", [False, True])
def test_crps_is_the_integral_of_the_squared_difference_of_distributions(fair) -> None:
    """Of the members, and of the truth, a step; the fair score has the difference of members less biased."""
    rng = np.random.default_rng(1)
    members, truth, areas = rng.normal(size=(5, 7, 1)), rng.normal(size=(7, 1)), rng.uniform(1, 2, 7)
    axis = np.linspace(-6, 6, 120_001)
    scores = []
    for g in range(7):
        steps = (members[:, g, 0, None] <= axis).mean(axis=0) - (axis >= truth[g, 0])
        score = (steps**2).sum() * (axis[1] - axis[0])
        if fair:  # sum_ij |x_i - x_j| / 2 counts once more 1 / (M (M - 1)) - 1 / M^2
            apart = np.abs(members[:, None, g, 0] - members[None, :, g, 0]).sum() / 2
            score -= apart * (1 / 20 - 1 / 25)
        scores.append(score)
    expected = np.average(scores, weights=areas)
    assert crps(members, truth, areas, fair=fair)[0] == pytest.approx(expected, abs=1e-3)


def test_the_fair_crps_does_not_depend_on_the_number_of_members() -> None:
    rng = np.random.default_rng(2)
    truth, areas = rng.normal(size=(200_000, 1)), np.ones(200_000)
    expected = 1 / np.sqrt(np.pi)  # of an infinite ensemble from the distribution of the truth
    for count in (2, 5):
        members = rng.normal(size=(count, 200_000, 1))
        assert crps(members, truth, areas, fair=True)[0] == pytest.approx(expected, rel=0.01)
        assert crps(members, truth, areas)[0] == pytest.approx(expected * (1 + 1 / count), rel=0.01)


def test_crps_of_one_member_is_its_mean_absolute_error(fields) -> None:
    forecast, truth, _, areas = fields
    expected = area_mean(np.abs(forecast - truth), areas)
    for fair in (False, True):
        assert crps(forecast[:, None], truth, areas, fair=fair) == pytest.approx(expected, rel=1e-12)
