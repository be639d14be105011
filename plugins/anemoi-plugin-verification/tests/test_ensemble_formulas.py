from __future__ import annotations

import numpy as np
import pytest
import scoringrules

from anemoi_plugin_verification.ensemble_formulas import (
    brier,
    energy_score,
    ensemble_variance,
    event_frequencies,
    rank_frequencies,
)
from anemoi_plugin_verification.formulas import crps, rmse


@pytest.fixture
def ensemble() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Members (lead times, member, grid, variable), the truth and areas."""
    rng = np.random.default_rng(3)
    return rng.normal(1e5, 2, (2, 6, 40, 3)), rng.normal(1e5, 2, (2, 40, 3)), rng.uniform(0.5, 2, 40)


def brier_of(members, truth, threshold, areas, **how) -> np.ndarray:
    return brier(event_frequencies(members, truth, np.array(threshold), areas), **how)


@pytest.mark.parametrize(("fair", "estimator"), [(False, "nrg"), (True, "fair")])
def test_crps_is_that_of_scoringrules(ensemble, fair, estimator) -> None:
    members, truth, areas = ensemble
    cells = scoringrules.crps_ensemble(truth, members, m_axis=1, estimator=estimator)
    expected = np.average(cells, axis=1, weights=areas)
    assert crps(members, truth, areas, fair=fair) == pytest.approx(expected, rel=1e-9)


def test_the_energy_score_is_that_of_scoringrules_in_cells_scaled_by_their_area(ensemble) -> None:
    members, truth, areas = ensemble
    scaled = [field * np.sqrt(areas / areas.sum())[:, None] for field in (truth, members)]
    observed, forecast = scaled[0].swapaxes(1, 2), scaled[1].transpose(0, 3, 1, 2)  # the grid is last
    expected = scoringrules.es_ensemble(observed, forecast, m_axis=-2, v_axis=-1)
    assert energy_score(members, truth, areas) == pytest.approx(expected, rel=1e-9)
    apart = np.linalg.norm(forecast[:, :, :, None] - forecast[:, :, None], axis=-1).sum(axis=(2, 3)) / 2
    fair = expected + apart * (1 / 6**2 - 1 / (6 * 5))
    assert energy_score(members, truth, areas, fair=True) == pytest.approx(fair, rel=1e-9)
    assert energy_score(members[:, :1], truth, areas) == pytest.approx(rmse(members[:, 0], truth, areas))


def test_the_brier_score_is_that_of_scoringrules(ensemble) -> None:
    members, truth, areas = ensemble
    share = (members > 1e5 + 1).mean(axis=1)
    expected = np.average(scoringrules.brier_score(truth > 1e5 + 1, share), axis=1, weights=areas)
    assert brier_of(members, truth, 1e5 + 1, areas) == pytest.approx(expected, rel=1e-12)


def test_fair_scores_do_not_depend_on_the_number_of_members() -> None:
    rng = np.random.default_rng(2)
    truth, areas = rng.normal(size=(200_000, 1)), np.ones(200_000)
    for count in (2, 5):
        members = rng.normal(size=(count, 200_000, 1))
        assert brier_of(members, truth, 0.0, areas, fair=True)[0] == pytest.approx(0.25, rel=0.01)
        expected = 0.25 * (1 + 1 / count)
        assert brier_of(members, truth, 0.0, areas)[0] == pytest.approx(expected, rel=0.01)
        # Patterns of 200,000 independent cells are sqrt(2) apart, whichever of them.
        score = energy_score(members, truth, areas, fair=True)[0]
        assert score == pytest.approx(np.sqrt(2) / 2, rel=0.01)


@pytest.mark.parametrize("count", [2, 8])
def test_the_spread_of_a_reliable_ensemble_is_its_error(count) -> None:
    rng = np.random.default_rng(4)
    areas, centre = rng.uniform(1, 2, 100_000), rng.normal(0, 5, (100_000, 1))
    truth, members = centre + rng.normal(size=centre.shape), centre + rng.normal(size=(count, 100_000, 1))
    error = rmse(members.mean(axis=0), truth, areas)
    assert np.sqrt(ensemble_variance(members, truth, areas)) == pytest.approx(error, rel=0.01)


def test_cells_without_truth_are_left_out(ensemble) -> None:
    members, truth, areas = ensemble
    truth[:, 5:15, 1] = np.nan
    members[:, :, 7, 1] = np.nan
    kept = np.r_[0:5, 15:40]

    def events(members, truth, areas):
        return event_frequencies(members, truth, np.array(1e5), areas)

    for score in (ensemble_variance, energy_score, rank_frequencies, events):
        found = score(members, truth, areas)
        expected = score(members[:, :, kept], truth[:, kept], areas[kept])
        assert found[:, 1] == pytest.approx(expected[:, 1], rel=1e-12)
        assert np.isfinite(found).all()
        members[0, 3, 20, 0] = np.nan  # there is truth
        assert np.isnan(score(members, truth, areas)[0, 0]).all()
        members[0, 3, 20, 0] = 1e5


@pytest.mark.parametrize(("width", "shape"), [(1.0, "flat"), (0.4, "U"), (2.5, "dome")])
def test_ranks_show_whether_an_ensemble_is_as_wide_as_its_errors(width, shape) -> None:
    rng = np.random.default_rng(5)
    truth, members = rng.normal(size=(200_000, 1)), width * rng.normal(size=(4, 200_000, 1))
    found = rank_frequencies(members, truth, rng.uniform(1, 2, 200_000))[0]
    assert found.sum() == pytest.approx(1.0)
    if shape == "flat":
        assert found == pytest.approx(0.2, abs=0.005)
    else:
        edges, middle = found[[0, 4]], found[1:4]
        assert (edges.min() > middle.max() + 0.1) if shape == "U" else (edges.max() < middle.min() - 0.1)


def test_the_truth_shares_the_ranks_of_members_that_it_equals() -> None:
    members = np.array([0.0, 0.0, 3.0])[:, None, None]
    assert rank_frequencies(members, np.array([[0.0]]), np.ones(1))[0] == pytest.approx([1 / 3] * 3 + [0])
    assert rank_frequencies(members, np.array([[9.0]]), np.ones(1))[0] == pytest.approx([0, 0, 0, 1])


def test_probabilities_of_a_reliable_ensemble_are_the_frequencies_of_the_event() -> None:
    rng = np.random.default_rng(6)
    chance = rng.uniform(size=(400_000, 1))
    truth, members = (rng.uniform(size=(n, *chance.shape)) < chance for n in (1, 9))
    forecast, happened = event_frequencies(members * 1.0, truth[0] * 1.0, np.array(0.5), np.ones(400_000))[0]
    assert forecast == pytest.approx(0.1, abs=0.003)
    # Of k members of 9, the mean of the beta distribution of the chance.
    assert happened / forecast == pytest.approx((np.arange(10) + 1) / 11, abs=0.01)
