"""Several things that are missing make one error, with one command."""

from __future__ import annotations

import pytest

from anemoi.core.errors import AbsentError, PluginError
from anemoi.core.plugins import Needs, choice_fault, install_command, load, needed_by, together


def absent(name, requirement):
    return AbsentError(f"There is no {name}.", requirement=requirement, fix=f"To install it: {requirement}")


def test_one_error_stays_as_it_is():
    error = absent("gnn", "a-dist")
    assert together([error]) is error
    assert str(error) == "There is no gnn.\nTo install it: a-dist"


def test_what_is_absent_is_installed_by_one_command_and_the_rest_keeps_its_own():
    broken = PluginError("It is broken.", fix="To mend it: pip install --upgrade broken-dist")
    error = together([absent("gnn", "no-such-b"), broken, absent("graph", "no-such-a"), broken])
    assert error.what == "There is no gnn.\nIt is broken.\nThere is no graph."
    install = "To install all that is missing: pip install no-such-a no-such-b"
    assert error.fix == f"{install}\nTo mend it: pip install --upgrade broken-dist"
    more = together([error, absent("output", "no-such-c")])
    assert "pip install no-such-a no-such-b no-such-c\n" in more.fix


@pytest.mark.parametrize(
    ("requirements", "command"),
    [
        (["no-such-b", "no-such-a"], "pip install no-such-a no-such-b"),
        (["No_such.b", "no-such-b==0.2.1"], "pip install 'no-such-b==0.2.1'"),
        (["no-such-b>=0.2,<0.3"], "pip install 'no-such-b>=0.2,<0.3'"),
        (["anemoi-core", "no-such-b"], "pip install --upgrade anemoi-core no-such-b"),
    ],
)
def test_the_command_names_each_distribution_once(requirements, command):
    assert install_command(requirements) == command


def test_needs_are_collected_and_other_errors_are_not():
    needs = Needs()
    needs.check()
    for name in ("no-such-output", "neither-this"):
        with needs.noted():
            load("output", name)
    with pytest.raises(PluginError, match=r"(?s)no-such-output.*neither-this"):
        needs.check()
    with pytest.raises(ZeroDivisionError), needs.noted():
        raise ZeroDivisionError


def test_a_choice_is_at_fault_where_a_component_is_known_and_cannot_be_used(here):
    here.add(
        "old-dist",
        {"processors": {"oldest": "nowhere:It"}, "sources": {"older": "nowhere:It"}},
        requires=["anemoi-core>=0.1,<0.2"],
    )
    for group, name in (("model", "oldest"), ("data", "older")):
        fault = choice_fault(group, name)
        assert "is incompatible: requires anemoi-core<0.2,>=0.1" in fault.what
        assert "pip install --upgrade old-dist" in fault.fix
    assert choice_fault("model", "no-such-model") is None


def test_what_a_command_needs_follows_its_words(here):
    here.add("old-dist", {"graphs": {"oldest": "nowhere:It"}}, requires=["anemoi-core>=0.1,<0.2"])
    assert needed_by("plugins", ["list"]) == []
    faults = needed_by("train", ["training.steps=3", "graph=oldest", "--output", "runs/x"])
    assert any("graph 'oldest' of old-dist" in fault.what for fault in faults)
