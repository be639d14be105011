"""Names of variables with a level."""

import numpy as np
import pytest

from anemoi.core.errors import DataError
from anemoi.core.variable import Variable, level_name, placed, split_level


@pytest.mark.parametrize("level", [1, 50, 850, 1000])
def test_a_name_is_taken_apart_as_it_was_put_together(level):
    assert split_level(level_name("t", level)) == ("t", level)
    assert level_name("t", float(level)) == level_name("t", level)


@pytest.mark.parametrize("name", ["2t", "cos_julian_day", "t_850_x", "t_0.5", "_850", "t_", "t_12345"])
def test_a_name_without_a_level_is_left_as_it_is(name):
    assert split_level(name) == (name, None)


def test_a_level_that_is_no_whole_number_is_kept():
    assert level_name("t", 0.5) == "t_0.5"


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("t_850", ("t", 850.0, None)),
        ("t_0.5", ("t", 0.5, None)),
        ("t_model_137", ("t", 137.0, "model")),
        ("avg_t_500", ("avg_t", 500.0, None)),
        ("u_heightAboveSea_80", ("u", 80.0, "heightAboveSea")),
        ("2t", ("2t", None, None)),
        ("cos_latitude", ("cos_latitude", None, None)),
        (Variable("z_510", level=0.51, level_type="sigma"), ("z", 0.51, "sigma")),
        (Variable("t_137", level=137.0, level_type="model"), ("t", 137.0, "model")),
        (Variable("t_100", level_type="height"), ("t_100", None, "height")),
        (Variable("2t", level=2.0, level_type="height"), ("2t", 2.0, "height")),
        (Variable("t_tropopause", level_type="tropopause"), ("t", None, "tropopause")),
    ],
    ids=str,
)
def test_a_variable_has_a_parameter_and_a_level(variable, expected):
    at = placed(variable)
    assert (at.short_name, at.level, at.level_type) == expected


@pytest.mark.parametrize("level_type", [None, "pressure", "model", "sigma", "heightAboveSea"])
def test_a_name_tells_the_level_again(level_type):
    at = placed(level_name("q", 0.51, level_type))
    assert (at.short_name, at.level) == ("q", 0.51)
    assert at.level_type == (None if level_type == "pressure" else level_type)


def test_a_variable_is_of_one_statistic():
    hour = np.timedelta64(1, "h")
    assert Variable("x", maximum_over=hour).statistic == ("maximum_over", hour)
    assert Variable("x").statistic is None
    with pytest.raises(DataError, match="both averaged and minimum_over"):
        Variable("x", averaged=hour, minimum_over=hour)
