"""What can be checked of the options of any component that is built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from anemoi.core.config.options import Component, options
from anemoi.core.config.validate import check_component

from ._check import Subject, contract, require


@contract()
def options_are_declared(subject: Subject) -> None:
    """Each option of the constructor has a type and a default; that of a source or model may have none."""
    found = options(subject.component, kind=subject.kind)
    untyped = [name for name, parameter in found.items() if parameter.type is Any]
    require(not untyped, f"these options have no type: {', '.join(untyped)}")
    bare = [
        name
        for name, parameter in found.items()
        if parameter.required and subject.kind not in ("source", "model")
    ]
    require(not bare, f"these options have no default: {', '.join(bare)}")


def require_options(subject: Subject) -> None:
    """See that what has no default was given."""
    found = options(subject.component, kind=subject.kind)
    missing = [
        name for name, parameter in found.items() if parameter.required and name not in subject.options
    ]
    require(not missing, f"it has no default for {', '.join(missing)}, and was given none (--option)")


@lru_cache(maxsize=8)  # To check options is to read the metadata of all distributions.
def with_parts(subject: Subject) -> dict[str, Any]:
    """The options that were given, those that name components as what builds them."""
    if not any(isinstance(value, Mapping) for value in subject.options.values()):
        return dict(subject.options)
    known = options(subject.component, kind=subject.kind)
    own = {name: value for name, value in subject.options.items() if name in known}
    spec = {"name": subject.name, **own}
    checked = check_component(subject.kind, spec, subject.component, trust_code=True)
    return {**subject.options, **checked}


def has_parts(subject: Subject) -> bool:
    """Whether it is made of other components, which its options name."""
    found = options(subject.component, kind=subject.kind).values()
    marks = [mark for each in found for mark in getattr(each.type, "__metadata__", ())]
    return any(isinstance(mark, Component) for mark in marks)


def from_configuration(subject: Subject) -> dict[str, Any]:
    """All options, the defaults too, written to a configuration, read back and checked."""
    found = options(subject.component, kind=subject.kind)
    values = {name: parameter.default for name, parameter in found.items() if not parameter.required}
    try:
        written = json.loads(json.dumps({**values, **subject.options}))
    except TypeError as error:
        require(False, f"an option or its default cannot be written to a configuration: {error}")
    spec = {"name": subject.name, **written}
    return check_component(subject.kind, spec, subject.component, trust_code=True)
