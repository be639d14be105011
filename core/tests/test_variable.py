"""Names of variables with a level."""

import pytest

from anemoi.core.variable import level_name, split_level


@pytest.mark.parametrize("level", [1, 50, 850, 1000])
def test_a_name_is_taken_apart_as_it_was_put_together(level):
    assert split_level(level_name("t", level)) == ("t", level)
    assert level_name("t", float(level)) == level_name("t", level)


@pytest.mark.parametrize("name", ["2t", "cos_julian_day", "t_850_x", "t_0.5", "_850", "t_", "t_12345"])
def test_a_name_without_a_level_is_left_as_it_is(name):
    assert split_level(name) == (name, None)


def test_a_level_that_is_no_whole_number_is_kept():
    assert level_name("t", 0.5) == "t_0.5"
