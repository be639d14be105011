"""Every method of an interface and every hook is documented, and demanded of a component."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from anemoi.core import interfaces
from anemoi.core.interfaces import hooks
from anemoi.core.plugins._kinds import GROUPS, INTERFACES
from anemoi.core.plugins._load import _fault

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "interfaces.md"
METHODS = [
    (kind, method)
    for kind, name in INTERFACES.items()
    for method in sorted(getattr(interfaces, name).__abstractmethods__)
]
EVENTS = [name for name, value in vars(hooks).items() if hasattr(value, f"{hooks.PROJECT}_spec")]


def _headings():
    """The sections of the page, and the arguments in the heading of each (None if it has no brackets)."""
    found = {}
    for heading in re.findall(r"^### `(.+)`$", DOCUMENTATION.read_text(encoding="utf-8"), re.MULTILINE):
        name, bracket, arguments = heading.partition("(")
        found[name] = [each for each in arguments.rstrip(")").split(", ") if each] if bracket else None
    return found


def _arguments(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


def test_every_method_and_every_hook_has_a_section_with_its_arguments_and_there_are_no_others():
    expected = {event: _arguments(getattr(hooks, event)) for event in EVENTS}
    for kind, method in METHODS:
        member = inspect.getattr_static(getattr(interfaces, INTERFACES[kind]), method)
        name = f"{INTERFACES[kind]}.{method}"
        expected[name] = None if isinstance(member, property) else _arguments(member)
    assert _headings() == expected


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_component_that_leaves_out_a_method_is_not_of_its_kind(kind, method):
    interface = getattr(interfaces, INTERFACES[kind])
    members = {name: (lambda self: None) for name in interface.__abstractmethods__}
    assert _fault(kind, type("Whole", (interface,), members)) == ""
    del members[method]
    assert _fault(kind, type("Partial", (interface,), members)) == f"'Partial' does not define {method}"


@pytest.mark.parametrize("name", interfaces.__all__)
def test_every_name_of_the_interfaces_is_there(name):
    assert getattr(interfaces, name).__module__ != interfaces.__name__


def test_every_kind_has_a_class_or_is_one_of_those_without():
    assert set(GROUPS) - set(INTERFACES) == {"command", "config", "hook"}
    assert len(set(GROUPS.values())) == len(GROUPS)
