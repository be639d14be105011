import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from anemoi.core import forcings
from anemoi.core.errors import ConfigError, PluginError
from anemoi.core.plugins import load


def zenith_cosine_by_meeus(time, latitude, longitude):
    """Cosine of the solar zenith angle: Meeus, "Astronomical Algorithms" (1998), ch. 25.

    Independent of Fourier series in the day of the year: mean anomaly and longitude from the Julian day.
    """
    days = (time - np.datetime64("2000-01-01T12", "s")) / np.timedelta64(86400, "s")
    t = days / 36525
    mean_longitude = np.deg2rad(280.46646 + 36000.76983 * t)
    anomaly = np.deg2rad(357.52911 + 35999.05029 * t)
    centre = np.deg2rad(
        (1.914602 - 0.004817 * t) * np.sin(anomaly)
        + 0.019993 * np.sin(2 * anomaly)
        + 0.000289 * np.sin(3 * anomaly)
    )
    true_longitude = mean_longitude + centre
    obliquity = np.deg2rad(23.439291 - 0.0130042 * t)
    ascension = np.arctan2(np.cos(obliquity) * np.sin(true_longitude), np.cos(true_longitude))
    declination = np.arcsin(np.sin(obliquity) * np.sin(true_longitude))
    sidereal = np.deg2rad(280.46061837 + 360.98564736629 * days)
    hour_angle = sidereal + np.deg2rad(longitude) - ascension
    distance = 1.000001018 * (1 - 0.016708634**2) / (1 + 0.016708634 * np.cos(anomaly + centre))
    phi = np.deg2rad(latitude)
    cosine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    return cosine, distance


@pytest.mark.parametrize("year", [1979, 2020, 2025])
def test_insolation_agrees_with_the_astronomical_formula(year):
    rng = np.random.default_rng(year)
    start = np.datetime64(f"{year}-01-01", "s")
    times = start + rng.integers(0, 365 * 86400, 200) * np.timedelta64(1, "s")
    latitudes, longitudes = rng.uniform(-90, 90, 50), rng.uniform(-180, 360, 50)
    ours = forcings.compute(["insolation"], latitudes, longitudes, times)[..., 0]
    cosine, distance = zenith_cosine_by_meeus(times[:, None], latitudes, longitudes)
    np.testing.assert_allclose(ours, np.maximum(cosine, 0) / distance**2, atol=0.012)


def test_daily_insolation_of_the_globe_is_a_quarter_of_the_solar_constant():
    # A sphere has four times the area of its shadow; the distance to the sun varies by 1.7 %.
    latitudes, longitudes = np.linspace(-89.5, 89.5, 180), np.zeros(180)
    times = np.datetime64("2025-04-04", "s") + np.arange(96) * np.timedelta64(900, "s")
    daily = forcings.compute(["insolation"], latitudes, longitudes, times)[..., 0].mean(axis=0)
    assert np.average(daily, weights=np.cos(np.deg2rad(latitudes))) == pytest.approx(0.25, rel=2e-3)


def test_positions_and_angles_by_hand():
    names = [
        "sin_latitude",
        "cos_latitude",
        "sin_longitude",
        "cos_longitude",
        "cos_local_time",
        "sin_local_time",
    ]
    out = forcings.compute(
        names, np.array([30.0, -90.0]), np.array([90.0, 180.0]), np.array(["2025-07-01T06"], "datetime64[s]")
    )
    # At 90 E, 06 UTC is noon; at 180 E it is 18 h.
    np.testing.assert_allclose(out[0, 0], [0.5, np.sqrt(0.75), 1, 0, -1, 0], atol=1e-6)
    np.testing.assert_allclose(out[0, 1], [-1, 0, 0, -1, 0, -1], atol=1e-6)


def test_the_year_closes():
    times = np.array(["2024-12-31T23:59:59", "2025-01-01T00:00:00", "2024-07-02T00"], "datetime64[s]")
    out = forcings.compute(["cos_julian_day", "sin_julian_day"], np.zeros(1), np.zeros(1), times)[:, 0]
    np.testing.assert_allclose(out[0], out[1], atol=1e-6)
    np.testing.assert_allclose(out[2], [-1, 0], atol=1e-6)  # the middle of a leap year


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'sunshine'.*\n.*insolation"):
        forcings.compute(["sunshine"], np.zeros(1), np.zeros(1), np.zeros(1, "datetime64[s]"))


def test_forcings_of_a_grid_are_the_same_at_any_time_and_in_any_order():
    latitudes, longitudes = np.linspace(-90, 90, 7), np.linspace(0, 350, 7)
    times = np.datetime64("2025-03-01T06", "s") + np.arange(3) * np.timedelta64(7, "h")
    names = list(forcings.names())
    ours = forcings.Forcings(names, latitudes, longitudes)
    backwards = [ours.at(times[[i]])[0] for i in (2, 1, 0)]
    np.testing.assert_array_equal(backwards[::-1], forcings.compute(names, latitudes, longitudes, times))


def test_values_are_the_formula_in_double_precision_rounded_once():
    # What models of 0.1 were trained on, to the bit.
    rng = np.random.default_rng(3)
    latitudes, longitudes = rng.uniform(-90, 90, 200), rng.uniform(-180, 360, 200)
    times = np.array(["2024-02-29T18", "2025-12-31T06:30"], "datetime64[s]")
    year = 2 * np.pi * np.array([(59 + 0.75) / 366, (364 + 6.5 / 24) / 365])[:, None]
    local = 2 * np.pi * np.array([0.75, 6.5 / 24])[:, None] + np.deg2rad(longitudes)
    expected = {
        "cos_latitude": np.cos(np.deg2rad(latitudes)),
        "sin_latitude": np.sin(np.deg2rad(latitudes)),
        "cos_longitude": np.cos(np.deg2rad(longitudes)),
        "sin_longitude": np.sin(np.deg2rad(longitudes)),
        "cos_julian_day": np.cos(year),
        "sin_julian_day": np.sin(year),
        "cos_local_time": np.cos(local),
        "sin_local_time": np.sin(local),
    }
    ours = forcings.compute(list(expected), latitudes, longitudes, times)
    for column, (name, values) in enumerate(expected.items()):
        expected_values = np.broadcast_to(values, (2, 200)).astype(np.float32)
        np.testing.assert_array_equal(ours[..., column], expected_values, err_msg=name)


@pytest.mark.parametrize("name", forcings.names())
def test_a_forcing_gives_what_its_contract_says(name):
    forcing = load("forcing", name)()
    latitudes, longitudes = np.linspace(-90, 90, 5), np.linspace(0, 300, 5)
    times = np.datetime64("2025-03-01T06", "s") + np.arange(3) * np.timedelta64(7, "h")
    found = forcing.compute(latitudes, longitudes, times)
    assert found.shape == ((1, 5) if forcing.constant else (3, 5))
    ours = forcings.Forcings([name], latitudes, longitudes).at(times)[..., 0]
    np.testing.assert_array_equal(ours, np.broadcast_to(found, (3, 5)).astype(np.float32))


def test_the_names_are_told_without_an_import():
    code = (
        "import sys; from anemoi.core import forcings; print(*forcings.names()); "
        "assert not any(name.startswith('anemoi.core.forcings.') for name in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {"insolation", "cos_latitude", "sin_julian_day", "cos_local_time"} <= set(told.split())


def test_coordinates_that_change_afterwards_change_nothing_of_forcings_but_a_forcing_sees_them():
    latitudes, longitudes = np.zeros(4), np.zeros(4)
    noon = np.array(["2025-03-20T12"], "datetime64[s]")
    ours, alone = forcings.Forcings(["insolation"], latitudes, longitudes), load("forcing", "insolation")()
    before = ours.at(noon), alone.compute(latitudes, longitudes, noon).copy()
    longitudes += 180.0
    np.testing.assert_array_equal(ours.at(noon), before[0])
    assert before[1].min() > 0.9
    assert alone.compute(latitudes, longitudes, noon).max() == 0


def test_forcings_of_two_grids_do_not_mix():
    times = np.array(["2025-03-20T12"], "datetime64[s]")
    grids = [(np.zeros(3), np.zeros(3)), (np.full(3, 60.0), np.full(3, 30.0))]
    names = ["insolation", "cos_local_time"]
    both = [forcings.Forcings(names, *grid) for grid in grids]
    for _ in range(2):
        for ours, grid in zip(both, grids, strict=True):
            alone = [load("forcing", name)().compute(*grid, times) for name in names]
            np.testing.assert_array_equal(ours.at(times), np.stack(alone, axis=-1).astype(np.float32))


def test_a_forcing_that_cannot_be_used_says_why(monkeypatch):
    monkeypatch.setattr(
        forcings, "components", lambda kind: [SimpleNamespace(name="dust", state="incompatible")]
    )

    def refuse(kind, name):
        raise PluginError(f"The {kind} {name!r} is incompatible.")

    monkeypatch.setattr(forcings, "load", refuse)
    assert forcings.names() == ()
    with pytest.raises(PluginError, match="incompatible"):
        forcings.check(["dust"])
