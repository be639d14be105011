import numpy as np
import pytest
from anemoi.core import plugins
from anemoi.core.errors import AnemoiError
from anemoi.core.grid import Grid
from anemoi.core.interfaces import Statistics
from click.testing import CliRunner

from {{ cookiecutter.__package }}.{{ cookiecutter.__stem }} import command


class Weather:
    """What the command asks a source for."""

    variables, units, missing = ("t2m", "msl"), {"t2m": "K"}, frozenset()
    times = np.array(["2020-01-01T00", "2020-01-01T06"], dtype="datetime64[s]")
    grid = Grid(np.array([60.0, -30.0]), np.array([0.0, 180.0]))
    statistics = Statistics(*np.array([[280.0, 1e5], [10.0, 500.0], [250.0, 9e4], [310.0, 1.1e5]]))

    def __init__(self, path="here"):
        self.path = path


@pytest.fixture(autouse=True)
def weather(monkeypatch):
    monkeypatch.setattr(plugins, "load", lambda kind, name: {("source", "weather"): Weather}[kind, name])


def test_it_tells_of_times_grid_and_variables():
    said = CliRunner().invoke(command, ["weather", "-o", "path=there"], catch_exceptions=False).output
    assert "2 times, 2020-01-01T00:00:00 to 2020-01-01T06:00:00, 0 missing" in said
    assert "2 points, -30 to 60 °N" in said
    assert "t2m (K): mean 280, standard deviation 10, 250 to 310" in said
    assert "msl (?)" in said


def test_what_is_no_option_is_refused():
    with pytest.raises(AnemoiError, match="KEY=VALUE"):
        CliRunner().invoke(command, ["weather", "-o", "path"], catch_exceptions=False)
