import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.accumulate import Accumulate

from .making import HOUR

TP = Variable("tp", units="m", accumulated=6 * HOUR)
T = Variable("2t", units="K")


def test_what_is_accumulated_is_added_up_and_the_rest_stays(describe, made):
    step = Accumulate(forecast=describe(T, TP))
    assert step.after.about("tp").since_start
    assert step.after.about("tp").accumulated is None
    assert step.after.about("2t") == T
    fields = np.arange(18.0).reshape(3, 1, 3, 2)
    first, second, third = made(step, *fields)
    np.testing.assert_array_equal([first[..., 0], second[..., 0], third[..., 0]], fields[..., 0])
    np.testing.assert_array_equal(
        [first[..., 1], second[..., 1], third[..., 1]], np.cumsum(fields[..., 1], 0)
    )


def test_many_small_amounts_are_not_lost(describe, made):
    """In single precision ten thousand times 0.1 is 999.9."""
    hours = np.arange(1, 10001) * 6
    *_, last = made(Accumulate(forecast=describe(TP, hours=hours)), *np.full((10000, 1, 9, 1), 0.1))
    assert last[0, 0, 0] == np.float32(10000 * np.float64(np.float32(0.1)))


def test_what_is_missing_once_stays_so(describe, made):
    first, second, third = made(Accumulate(forecast=describe(TP)), [[[1.0]]], [[[np.nan]]], [[[1.0]]])
    assert np.isfinite(first).all()
    assert np.isnan(second).all()
    assert np.isnan(third).all()


def test_one_of_an_unknown_period_is_named(describe, made):
    plain = Variable("tp", units="m")
    with pytest.raises(DataError, match="Nothing is known to be accumulated"):
        Accumulate(forecast=describe(plain, T))
    *_, last = made(Accumulate(forecast=describe(plain, T), variables=["tp"]), *np.ones((3, 1, 9, 2)))
    assert last[0, 0].tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("variable", "hours", "message"),
    [
        (Variable("tp", accumulated=3 * HOUR), (6, 12), "the sum over 3h, but .* 6h apart"),
        (TP, (12, 24), "the sum over 6h, but .* 12h apart"),
        (TP, (6, 12, 24), "6h and 12h apart"),
        (Variable("tp", averaged=6 * HOUR), (6, 12), "tp is averaged"),
        (Variable("tp", maximum_over=6 * HOUR), (6, 12), "tp is maximum_over"),
        (Variable("tp", since_start=True), (6, 12), "since the start already"),
    ],
)
def test_sums_that_would_have_gaps_are_refused(describe, variable, hours, message):
    with pytest.raises(DataError, match=message):
        Accumulate(forecast=describe(variable, hours=hours), variables=["tp"])


def test_what_is_not_there_is_named(describe):
    with pytest.raises(ConfigError, match=r"no tpp \(variables\)"):
        Accumulate(forecast=describe(TP), variables=["tpp"])
