import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi.core.grid import Grid
from anemoi.core.variable import Variable

from anemoi_plugin_postprocessing.select import Select

from .making import on_pressure, rows_and_columns

FIELDS = (on_pressure("t", "K", 500), on_pressure("t", "K", 850), on_pressure("q", "kg kg**-1", 850),
          Variable("2t", units="K", level=2, level_type="height"), Variable("msl", units="Pa"))  # fmt: skip


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"variables": ["msl", "t"]}, ("msl", "t_500", "t_850")),
        ({"levels": [850]}, ("t_850", "q_850", "2t", "msl")),
        ({"variables": ["t", "2t"], "levels": [500]}, ("t_500", "2t")),
        ({"variables": ["t_850", "t"]}, ("t_850", "t_500")),
    ],
)
def test_variables_and_levels_are_selected(describe, made, options, names):
    step = Select(forecast=describe(*FIELDS), **options)
    assert step.after.variables == names
    assert [step.after.about(name) for name in names] == [step.before.about(name) for name in names]
    (fields,) = made(step, [[[0.0, 1.0, 2.0, 3.0, 4.0]]])
    assert [step.before.variables[int(number)] for number in fields[0, 0]] == list(names)


def area_of(describe, made, grid, area):
    step = Select(forecast=describe(Variable("x"), grid=grid), area=area)
    (fields,) = made(step, np.arange(float(len(grid)))[None, :, None])
    chosen = fields[0, :, 0].astype(int)
    np.testing.assert_array_equal(step.after.grid.latitudes, grid.latitudes[chosen])
    np.testing.assert_array_equal(step.after.grid.longitudes % 360.0, grid.longitudes[chosen])
    return step.after.grid, chosen


def test_an_area_across_the_meridian_keeps_its_rows_from_west_to_east(describe, made):
    grid = rows_and_columns(np.arange(90, -91, -30), np.arange(0, 360, 30))
    part, _ = area_of(describe, made, grid, [60, -60, 0, 45])
    latitudes, longitudes = part.axes
    assert latitudes.tolist() == [60, 30, 0]
    assert longitudes.tolist() == [-60, -30, 0, 30]
    assert part.field_shape == (3, 4)


@pytest.mark.parametrize("area", [[90, 0, -90, 360], [90, -180, -90, 180]])
def test_the_globe_is_an_area(describe, made, area):
    grid = rows_and_columns(np.arange(90, -91, -30), np.arange(0, 360, 30))
    part, chosen = area_of(describe, made, grid, area)
    assert part.field_shape == grid.field_shape
    assert sorted(chosen) == list(range(len(grid)))


def test_points_in_no_rows_keep_their_order(describe, made):
    grid = Grid(np.array([50.0, 10.0, 45.0, 46.0]), np.array([350.0, 10.0, 20.0, 180.0]))
    _, chosen = area_of(describe, made, grid, [60, -20, 40, 30])
    assert chosen.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ConfigError, "Nothing is selected"),
        ({"variables": ["w"]}, ConfigError, r"no w \(variables\)"),
        ({"levels": [700]}, ConfigError, "on the levels 700.\nThere are 500, 850"),
        ({"area": [10, 0, 20, 30]}, ConfigError, "area: .* is none"),
        ({"area": [10, 0, 20]}, ConfigError, "area: .* is none"),
        ({"area": [50, 10, 40, 20]}, DataError, "No point of the grid"),
    ],
)
def test_what_cannot_be_selected_is_refused(describe, options, error, message):
    with pytest.raises(error, match=message):
        Select(forecast=describe(*FIELDS), **options)
