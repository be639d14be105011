"""Every method of an interface and every hook is documented, and demanded of a component."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from anemoi.core import interfaces
from anemoi.core.interfaces import hooks
from anemoi.core.plugins import group
from anemoi.core.plugins._kinds import KINDS
from anemoi.core.plugins._load import _fault, part_of

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "interfaces.md"
INTERFACES = {name: part_of(kind, "interface") for name, kind in KINDS.items() if kind.interface}
METHODS = [
    (kind, method)
    for kind, interface in INTERFACES.items()
    for method in sorted(interface.__abstractmethods__)
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


@pytest.mark.skipif(not DOCUMENTATION.exists(), reason="the page is in the tree that core is split from")
def test_every_method_and_every_hook_has_a_section_with_its_arguments_and_there_are_no_others():
    expected = {event: _arguments(getattr(hooks, event)) for event in EVENTS}
    for kind, method in METHODS:
        member = inspect.getattr_static(INTERFACES[kind], method)
        name = f"{INTERFACES[kind].__name__}.{method}"
        expected[name] = None if isinstance(member, property) else _arguments(member)
    # No kind of component, but what an objective is given.
    expected["Criterion.__call__"] = _arguments(interfaces.Criterion.__call__)
    assert _headings() == expected


@pytest.mark.parametrize(("kind", "method"), METHODS)
def test_a_component_that_leaves_out_a_method_is_not_of_its_kind(kind, method):
    interface = INTERFACES[kind]
    members = {name: (lambda self: None) for name in interface.__abstractmethods__}

    def fault(name):
        return _fault(KINDS[kind], interface, "mine", type(name, (interface,), members))

    assert fault("Whole") == ""
    del members[method]
    assert fault("Partial") == f"'Partial' does not define {method}"


@pytest.mark.skipif(not DOCUMENTATION.exists(), reason="the page is in the tree that core is split from")
def test_what_core_offers_for_writing_components_is_where_the_page_says():
    page = DOCUMENTATION.read_text(encoding="utf-8")
    table = page.partition("## What core offers")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`anemoi[^|]+) \|", table, re.MULTILINE)
    assert len(rows) == 6
    for row in rows:
        first, *others = re.findall(r"`([^`]+)`", row)
        module, _, name = first.rpartition(".")
        assert [each for each in (name, *others) if not hasattr(import_module(module), each)] == []


@pytest.mark.parametrize("name", interfaces.__all__)
def test_every_name_of_the_interfaces_is_there(name):
    assert getattr(interfaces, name).__module__ != interfaces.__name__


def test_every_kind_has_a_class_or_is_one_of_those_without():
    assert {name for name, kind in KINDS.items() if not kind.interface} == {
        "command", "config", "hook", "kind"
    }  # fmt: skip
    assert all(part_of(kind, "interface").__module__ for kind in KINDS.values() if kind.interface)


def test_groups_are_the_plurals_that_plugins_of_before_have():
    plurals = "models processors mappers graphs sources transforms forcings postprocessors outputs"
    assert [group(kind) for kind in KINDS] == [
        f"anemoi.core.{plural}"
        for plural in f"{plurals} objectives perturbations trackers commands configs hooks kinds".split()
    ]
    assert group("node_builder") == "anemoi.core.node_builders"
    assert group("branch") == "anemoi.core.branches"
    assert group("policy") == "anemoi.core.policies"
    assert group("array") == "anemoi.core.arrays"
