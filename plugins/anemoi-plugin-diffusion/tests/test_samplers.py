"""Samplers on normal data, for which the best guess and the whole way from noise to data are known."""

from math import inf, sqrt

import numpy as np
import pytest
import torch

from anemoi_plugin_diffusion.levels import LogNormalLevels, RhoLevels
from anemoi_plugin_diffusion.samplers import SAMPLERS, Churn

STDEV = 0.5
LEVELS = RhoLevels(1e-4, 80.0, 7.0)


def draws(generator, count):
    return lambda: {"data": torch.randn(count, generator=generator, dtype=torch.float64)}


def sampled(name, steps, *, churn=None, count=1, levels=LEVELS):
    """``count`` numbers sampled from unit noise of the highest level, and how often the network was asked."""
    asked = []

    def best_guess(fields, level):
        asked.append(level)
        return {"data": fields["data"] * STDEV**2 / (STDEV**2 + level**2)}

    generator = torch.Generator().manual_seed(0)
    drawn = (
        torch.randn(count, generator=generator, dtype=torch.float64) if count > 1 else torch.ones(1).double()
    )
    noise = {"data": levels.highest * drawn}
    found = SAMPLERS[name](churn).sample(best_guess, noise, levels.spaced(steps), draws(generator, count))
    return found["data"], asked


def exact():
    """Where the equation without noise brings one standard deviation of the noise."""
    return LEVELS.highest * sqrt(STDEV**2 / (STDEV**2 + LEVELS.highest**2))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_error_falls_with_the_square_of_the_steps(name):
    steps = np.array([40, 80, 160])
    errors = [abs(float(sampled(name, int(count))[0]) - exact()) for count in steps]
    orders = -np.diff(np.log(errors)) / np.diff(np.log(steps))
    assert orders == pytest.approx([2.0, 2.0], abs=0.25)


@pytest.mark.parametrize(("name", "calls"), [("heun", 19), ("dpmpp-2s", 19), ("dpmpp-2m", 10)])
def test_the_network_is_asked_so_often(name, calls):
    _, asked = sampled(name, 10)
    assert len(asked) == calls
    assert asked[0] == pytest.approx(LEVELS.highest)
    assert asked[-1] == pytest.approx(LEVELS.lowest)
    assert asked == sorted(asked, reverse=True)


@pytest.mark.parametrize("name", SAMPLERS)
def test_one_step_gives_the_first_guess(name):
    found, asked = sampled(name, 1)
    assert asked == pytest.approx([80.0])
    assert float(found) == pytest.approx(80.0 * STDEV**2 / (STDEV**2 + 80.0**2))


@pytest.mark.parametrize("name", ["heun", "dpmpp-2s"])
@pytest.mark.parametrize("amount", [0.0, 20.0])
def test_churn_keeps_the_distribution(name, amount):
    found, _ = sampled(name, 250, churn=Churn(amount, 0.01, inf), count=50_000)
    assert float(found.std()) == pytest.approx(STDEV, rel=0.01)
    assert float(found.mean()) == pytest.approx(0.0, abs=0.01)


def test_churn_forgets_what_it_began_with():
    way = [sampled("heun", 60, churn=Churn(amount, 0.01, inf), count=20_000)[0] for amount in (0.0, 20.0)]
    assert float(torch.corrcoef(torch.stack(way))[0, 1]) < 0.5


def test_churn_stays_within_its_levels_and_its_limit():
    draw = draws(torch.Generator().manual_seed(0), 100_000)
    fields = {"data": torch.zeros(100_000, dtype=torch.float64)}
    churn = Churn(100.0, 1.0, 10.0, inflation=1.1)
    for level in (0.9, 10.1):
        assert churn(fields, level, 20, draw) == (fields, level)
    raised, level = churn(fields, 2.0, 20, draw)
    assert level == pytest.approx(2.0 * sqrt(2))
    assert float(raised["data"].std()) == pytest.approx(1.1 * 2.0, rel=0.01)


def test_levels_fall_from_the_highest_to_the_lowest_as_edm_has_them():
    levels = RhoLevels(0.02, 88.0, 7.0).spaced(5)
    place = np.arange(5) / 4
    expected = (88.0 ** (1 / 7) + place * (0.02 ** (1 / 7) - 88.0 ** (1 / 7))) ** 7
    np.testing.assert_allclose(levels, expected)


def test_trained_levels_are_distributed_as_asked():
    generator = torch.Generator().manual_seed(0)
    uniform = RhoLevels(0.02, 88.0, 7.0).drawn(20_000, generator) ** (1 / 7)
    low, high = 0.02 ** (1 / 7), 88.0 ** (1 / 7)
    quartiles = torch.quantile(uniform, torch.tensor([0.25, 0.5, 0.75]))
    np.testing.assert_allclose((quartiles - low) / (high - low), [0.25, 0.5, 0.75], atol=0.02)
    normal = LogNormalLevels(-1.2, 0.7).drawn(20_000, generator).log()
    assert float(normal.mean()) == pytest.approx(-1.2, abs=0.02)
    assert float(normal.std()) == pytest.approx(0.7, abs=0.02)
