"""The checks of kinds that a distribution declares."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final, Literal

from anemoi.core.errors import AnemoiError, PluginError
from anemoi.core.plugins import Kind, part_of

from ._check import BrokenContractError, Check, NotApplicableError, Subject, contract, require


@contract()
def is_a_kind(subject: Subject) -> None:
    """It is a Kind, called as it is declared, and is not joined."""
    kind = subject.component
    require(isinstance(kind, Kind), f"it is a {type(kind).__name__}")
    require(kind.name == subject.name, f"the record calls it {kind.name!r}")
    require(not kind.joined, "it is joined, which core's own kinds alone can be")


@contract(after=("is_a_kind",))
def has_an_interface(subject: Subject) -> None:
    """Its interface is a class to derive from, and each method that must be defined is described."""
    interface = _part(subject, "interface")
    require(inspect.isclass(interface), f"it is a {type(interface).__name__}")
    silent = [
        name
        for name in sorted(getattr(interface, "__abstractmethods__", ()))
        if not inspect.getdoc(getattr(interface, name))
    ]
    require(not silent, f"there is no docstring for {', '.join(silent)}")


@contract(after=("is_a_kind",))
def has_checks(subject: Subject) -> None:
    """Its checks have different names, each states its contract and builds on such as there are."""
    found = _part(subject, "checks")
    made = list(found.get(subject.name, ()) if isinstance(found, Mapping) else found)
    require(made, "there are none")
    strange = [repr(each) for each in made if not isinstance(each, Check)]
    require(not strange, f"no check is {', '.join(strange)}")
    names = [each.name for each in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"more than one is called {', '.join(twice)}")
    silent = [each.name for each in made if not each.contract]
    require(not silent, f"there is no docstring for {', '.join(silent)}")
    absent = sorted({name for each in made for name in each.after} - set(names))
    require(not absent, f"one builds on {', '.join(absent)}, which is none of them")


@contract(after=("is_a_kind",))
def has_a_scaffold(subject: Subject) -> None:
    """Its scaffold is in its package, and has what a plugin is made from."""
    from .scaffold import facts, scaffold

    if not subject.component.scaffold:
        raise NotApplicableError("it has none")
    try:
        facts(subject.component, scaffold(subject.component))
    except AnemoiError as error:
        require(False, error.what)


def _part(subject: Subject, part: Literal["interface", "checks"]) -> Any:
    if not getattr(subject.component, part):
        raise NotApplicableError("it has none")
    try:
        return part_of(subject.component, part)
    except PluginError as error:
        raise BrokenContractError(error.what) from error


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "kind": (is_a_kind, has_an_interface, has_checks, has_a_scaffold)
}
