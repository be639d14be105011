"""A source that tells of another one."""

from types import SimpleNamespace

import pytest

from anemoi.core.delegating import DelegatingSource
from anemoi.core.interfaces.data_source import DataSource
from anemoi.core.variable import Variable

PROPERTIES = sorted(name for name, value in vars(DataSource).items() if isinstance(value, property))


class Same(DelegatingSource):
    def read(self, times):
        return self._source.read(times)


@pytest.mark.parametrize("name", sorted({*PROPERTIES} - {"units"}))
def test_every_property_of_a_source_is_that_of_the_other(name):
    value = object()
    assert getattr(Same(SimpleNamespace(**{name: value})), name) is value


def test_units_follow_from_what_a_subclass_says_of_its_variables():
    class Renamed(Same):
        metadata = {"y": Variable("y", units="K"), "z": Variable("z")}  # noqa: RUF012

    assert Renamed(SimpleNamespace(units={"x": "K"})).units == {"y": "K"}
