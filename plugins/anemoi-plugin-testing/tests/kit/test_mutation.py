"""A wrong component is caught by the check that names its fault, and no other; a right one by none."""

from pathlib import Path

import pytest
from anemoi.core.plugins import KINDS
from specimens.everything import RIGHT, WRONG
from specimens.outputs import NumpyReader

from anemoi_plugin_testing import _whole_model, checks
from anemoi_plugin_testing._check import Subject
from anemoi_plugin_testing._run import Examination


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Let some of the specimens be found by name, and try layers beside the simplest alone."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "site")
    # What layers are installed besides changes nothing here but the time it takes.
    monkeypatch.setattr(_whole_model, "components", lambda kind: [])


def name_of(component):
    return getattr(component, "__name__", None) or getattr(component, "name", None) or repr(component)


def failures(kind, component):
    reader = NumpyReader if kind == "output" else None
    results = Examination(Subject(kind, name_of(component), component, {}, reader), {}).results()
    return {one.check: one.seen for one in results if one.status == "fail"}


CHECKED = list(KINDS)
MUTANTS = [
    pytest.param(kind, name, component, id=f"{kind}-{name}-{name_of(component)}")
    for kind, wrong in WRONG.items()
    for name, component in wrong
]
REFERENCES = [
    pytest.param(kind, component, id=f"{kind}-{name_of(component)}")
    for kind, right in RIGHT.items()
    for component in right
]


@pytest.mark.parametrize(("kind", "name", "component"), MUTANTS)
def test_a_wrong_component_is_caught_by_the_check_that_names_its_fault_alone(kind, name, component):
    found = failures(kind, component)
    assert set(found) == {name}, found
    assert found[name]


@pytest.mark.parametrize(("kind", "component"), REFERENCES)
def test_a_right_component_is_caught_by_none(kind, component):
    assert failures(kind, component) == {}


@pytest.mark.parametrize("kind", CHECKED)
def test_every_check_catches_something(kind):
    assert {each.name for each in checks(kind)} == {name for name, _ in WRONG[kind]}
    assert len(WRONG[kind]) >= 2
    assert RIGHT[kind]


@pytest.mark.parametrize("kind", CHECKED)
def test_every_check_states_a_contract_and_names_those_that_it_builds_on(kind):
    names = [each.name for each in checks(kind)]
    assert len(set(names)) == len(names)
    for each in checks(kind):
        assert each.contract.endswith(".")
        assert set(each.after) <= {*names} - {each.name}
