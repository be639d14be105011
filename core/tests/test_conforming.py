"""A source in other units and another order is read as the domain has it, said so, or left as it is."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from anemoi.core.conforming import ConformedWarning, conformed, contradictions
from anemoi.core.domain import Domain, Statistics
from anemoi.core.grid import Grid
from anemoi.core.interfaces import DataSource
from anemoi.core.variable import Variable

LATITUDES, LONGITUDES = np.arange(90.0, -91.0, -30.0), np.arange(0.0, 360.0, 45.0)
KELVIN = Variable("2t", units="K")
TIMES = np.array(["2020-01-01", "2020-01-02"], "datetime64[s]")


def grid(latitudes=LATITUDES, longitudes=LONGITUDES):
    rows, columns = np.meshgrid(latitudes, longitudes, indexing="ij")
    return Grid(rows.ravel(), columns.ravel(), rows.shape)


class Made(DataSource):
    """Values that follow from the place, so that each is known wherever it stands."""

    def __init__(self, points=None, variables=None):
        self.points, self.known = grid() if points is None else points, variables or (KELVIN,)

    variables = property(lambda self: tuple(each.name for each in self.known))
    times = property(lambda self: TIMES)
    frequency = property(lambda self: np.timedelta64(1, "D"))
    grid = property(lambda self: self.points)
    missing = property(lambda self: frozenset())
    provenance = property(lambda self: {"identity": "made"})
    metadata = property(lambda self: {each.name: each for each in self.known})
    units = property(lambda self: {each.name: each.units for each in self.known if each.units})

    @property
    def statistics(self):
        return Statistics(*(np.full(len(self.known), number) for number in (10.0, 2.0, 5.0, 15.0)))

    def read(self, times):
        field = 1000 * self.points.latitudes + (self.points.longitudes + 1.0) % 360.0
        one = np.stack([field + column for column in range(len(self.known))], axis=-1)
        return np.stack([one + hour for hour in range(len(times))])[:, None].astype(np.float32)


def domain(*variables, points=None):
    none = Statistics(*(np.zeros(len(variables)) for _ in range(4)))
    return Domain(variables, grid() if points is None else points, np.timedelta64(6, "h"), none, none)


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "value", "expected"),
    [
        ("msl", "hPa", "Pa", 1013.25, 101325.0),
        ("msl", "Pa", "hPa", 101325.0, 1013.25),
        ("2t", "degC", "K", 20.0, 293.15),
        ("2t", "K", "celsius", 273.15, 0.0),
        ("tp", "m", "kg m-2", 0.002, 2.0),
        ("tp", "mm", "m", 3.0, 0.003),
        ("tp", "kg m**-2", "mm", 3.0, 3.0),
        ("z_500", "gpm", "m**2 s**-2", 5500.0, 5500 * 9.80665),
        ("tcc", "%", "(0 - 1)", 50.0, 0.5),
        ("q_850", "g kg-1", "kg kg**-1", 8.0, 0.008),
        ("10u", "knots", "m s-1", 3600.0, 1852.0),
        ("ssrd", "W s m-2", "J m**-2", 7.0, 7.0),
    ],
)
def test_units_are_converted(name, theirs, ours, value, expected):
    class Constant(Made):
        def read(self, times):
            return np.full((len(times), 1, len(self.points), 1), value, np.float32)

    source = Constant(variables=(Variable(name, units=theirs),))
    with pytest.warns(ConformedWarning, match=name) as said:
        found = conformed(source, domain(Variable(name, units=ours)))
    assert theirs in str(said[0].message)
    assert ours in str(said[0].message)
    np.testing.assert_allclose(found.read(TIMES), expected, rtol=1e-6, atol=1e-4)
    assert found.units == {name: ours}


def test_statistics_are_converted_with_their_zero():
    with pytest.warns(ConformedWarning):
        found = conformed(Made(variables=(Variable("2t", units="degC"),)), domain(Variable("2t", units="K")))
    told = {name: float(values[0]) for name, values in vars(found.statistics).items()}
    assert told == {"mean": 283.15, "stdev": 2.0, "minimum": 278.15, "maximum": 288.15}


@pytest.mark.parametrize(
    ("name", "theirs", "ours"),
    [
        ("msl", "K", "Pa"),
        ("sd", "m", "K"),
        ("ice", "m", "kg m-2"),
        ("t_850", "m2 s-2", "m"),
        ("ssr", "W m-2", "J m-2"),
    ],
)
def test_other_units_stay_as_they_are(name, theirs, ours):
    source = Made(variables=(Variable(name, units=theirs),))
    assert conformed(source, domain(Variable(name, units=ours))) is source


@pytest.mark.parametrize("same", [("K", "K"), ("kg/kg", "kg kg**-1"), ("K", None), (None, "K")])
def test_units_that_are_the_same_or_not_known_are_left(same):
    source = Made(variables=(Variable("x", units=same[0]),))
    assert conformed(source, domain(Variable("x", units=same[1]))) is source


@pytest.mark.parametrize(
    ("there", "wanted", "units", "factor"),
    [("gh_500", "z_500", "m**2 s**-2", 9.80665), ("z_500", "gh_500", "gpm", 1 / 9.80665)],
)
def test_geopotential_is_made_of_its_height_and_the_other_way_round(there, wanted, units, factor):
    source = Made(variables=(Variable("2t", units="K"), Variable(there)))
    with pytest.warns(ConformedWarning, match=f"{there} is read as {wanted} in"):
        found = conformed(source, domain(Variable("2t", units="K"), Variable(wanted, units=units)))
    assert found.variables == ("2t", wanted)
    np.testing.assert_allclose(found.read(TIMES)[..., 1], source.read(TIMES)[..., 1] * factor, rtol=1e-6)
    np.testing.assert_array_equal(found.read(TIMES)[..., 0], source.read(TIMES)[..., 0])


RANDOM = np.random.default_rng(0)
SCATTERED = Grid(RANDOM.uniform(-89, 89, 500), RANDOM.uniform(0, 360, 500))
MIXED = RANDOM.permutation(500)
OTHERS = {
    "from the south": grid(LATITUDES[::-1]),
    "from -180": grid(longitudes=np.sort((LONGITUDES + 180) % 360 - 180)),
    "westwards": grid(longitudes=LONGITUDES[::-1]),
    "both": grid(LATITUDES[::-1], np.sort((LONGITUDES + 180) % 360 - 180)),
    "cyclic": grid(longitudes=np.append(LONGITUDES, 360.0)),
    "cyclic from -180": grid(longitudes=np.append(np.sort((LONGITUDES + 180) % 360 - 180), 180.0)),
    "rounded": grid(LATITUDES[::-1] * 0.999999, LONGITUDES - 1e-4),
    "columns first": Grid(
        *(each.reshape(7, 8).T.ravel() for each in (grid().latitudes, grid().longitudes)), (8, 7)
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_same_points_are_put_in_order(name):
    source, wanted = Made(OTHERS[name]), domain(Variable("2t", units="K"))
    with pytest.warns(ConformedWarning, match="put in the order"):
        found = conformed(source, wanted)
    assert found.grid.matches(wanted.grid)
    expected = Made().read(TIMES)
    if name == "rounded":
        np.testing.assert_allclose(found.read(TIMES), expected, atol=0.2)
    else:
        np.testing.assert_array_equal(found.read(TIMES), expected)
    assert found.provenance["conformed"]


def test_scattered_points_are_put_in_order():
    mixed = Grid(SCATTERED.latitudes[MIXED], SCATTERED.longitudes[MIXED] - 360)
    with pytest.warns(ConformedWarning):
        found = conformed(Made(mixed), domain(Variable("2t", units="K"), points=SCATTERED))
    np.testing.assert_allclose(found.read(TIMES), Made(SCATTERED).read(TIMES), rtol=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        grid(LATITUDES[:-1]),
        grid(longitudes=LONGITUDES + 5),
        grid(LATITUDES * 0.9),
        SCATTERED,
        grid(np.append(LATITUDES, 45)),
    ],
    ids=["fewer", "shifted", "squeezed", "scattered", "more"],
)
def test_other_points_stay_as_they_are(other):
    source = Made(other)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert conformed(source, domain(Variable("2t", units="K"))) is source


HOUR = np.timedelta64(3600, "s")


def on(level, level_type):
    return {"level": level, "level_type": level_type}


@pytest.mark.parametrize(
    ("theirs", "ours", "said"),
    [
        ({"averaged": 3 * HOUR}, {"averaged": HOUR}, "averaged over 3h, the checkpoint's averaged over 1h"),
        ({"averaged": HOUR}, {"accumulated": HOUR}, "averaged over 1h, the checkpoint's accumulated over 1h"),
        (
            {"maximum_over": HOUR},
            {"minimum_over": HOUR},
            "the maximum over 1h, the checkpoint's the minimum over 1h",
        ),
        ({"averaged": 6 * HOUR}, {"averaged": 6 * HOUR}, None),
        ({}, {"averaged": 6 * HOUR}, None),
        (on(137.0, "model"), on(137.0, "pressure"), "on model 137, the checkpoint's on pressure 137"),
        (on(100.0, "height"), on(10.0, "height"), "on height 100, the checkpoint's on height 10"),
        (on(2.0, "height"), on(None, "surface"), None),
        (on(5.0, "model"), {}, None),
    ],
)  # fmt: skip
def test_what_lies_elsewhere_or_is_of_another_time_is_told(theirs, ours, said):
    one, other = Variable("x", units="1"), Variable("x", units="1")
    found = contradictions(Made(variables=(replace(one, **theirs),)), domain(replace(other, **ours)), ["x"])
    assert found == ([] if said is None else [f"its x is {said}"])
