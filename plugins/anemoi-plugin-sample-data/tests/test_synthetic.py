import numpy as np
import pytest
from anemoi.core.errors import ConfigError, DataError
from anemoi_plugin_testing import SourceContract

from anemoi_plugin_sample_data.synthetic import SyntheticSource, grid_named


class TestSynthetic(SourceContract):
    name = "synthetic"


@pytest.mark.parametrize(
    ("name", "points"),
    [("O96", 40_320), ("O320", 421_120), ("N320", 542_080), ("F4", 128), ("2.5deg", 73 * 144)],
)
def test_a_grid_has_the_points_of_its_name(name, points):
    assert len(grid_named(name)) == points


@pytest.mark.parametrize("name", ["O0", "N96", "big", "7deg", "0deg", "2.5"])
def test_other_grids_are_refused(name):
    with pytest.raises(ConfigError, match="no grid"):
        grid_named(name)


def test_gaussian_rows_lie_at_the_roots_of_a_legendre_polynomial():
    rows = np.unique(grid_named("F8").latitudes)
    roots = np.polynomial.legendre.legval(np.sin(np.deg2rad(rows)), [0] * 16 + [1])
    np.testing.assert_allclose(roots, 0, atol=1e-12)


def test_a_state_is_the_same_whatever_was_read_before():
    source = SyntheticSource(variables=["t_850", "2t"], constants=["lsm"], grid="O8", times=5)
    whole = source.read(source.times)
    assert whole.shape == (5, 1, len(source.grid), 3)
    np.testing.assert_array_equal(source.read(source.times[[3, 1]]), whole[[3, 1]])
    assert (whole[..., 2] == whole[:1, ..., 2]).all()
    assert (whole[0, ..., 0] != whole[1, ..., 0]).any()
    with pytest.raises(DataError, match="There is no state"):
        source.read([source.times[-1] + source.frequency])


def test_statistics_are_those_of_the_values():
    source = SyntheticSource(grid="O32", times=10, seed=3)
    values = source.read(source.times)
    np.testing.assert_allclose(values.std(axis=(0, 1, 2)), source.statistics.stdev, rtol=0.02)
    changes = np.diff(values, axis=0).std(axis=(0, 1, 2))
    np.testing.assert_allclose(changes, source.changes[source.frequency].stdev, rtol=0.02)
    assert values.min() > source.statistics.minimum[0]


def test_names_tell_levels_and_constants():
    known = SyntheticSource(variables=["t_850", "2t"], constants=["z"], grid="O4").metadata
    assert (known["t_850"].level, known["t_850"].level_type) == (850, "pressure")
    assert known["2t"].level is None
    assert known["z"].constant
    with pytest.raises(ConfigError, match="named twice"):
        SyntheticSource(variables=["z"], constants=["z"])
