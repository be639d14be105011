"""The options of a component: their checks, and their way through a configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, get_args

from anemoi.core.config import Builder
from anemoi.core.config.build import check_component
from anemoi.core.config.options import as_written, component_in, options
from anemoi.core.plugins import find_kind, part_of

from ._check import Subject, contract, require


@contract()
def options_are_declared(subject: Subject) -> None:
    """Each option has a type, and a default unless the check is given it or it is of a source or model."""
    found = options(subject.component, kind=subject.kind)
    untyped = [name for name, parameter in found.items() if parameter.type is Any]
    require(not untyped, f"these options have no type: {', '.join(untyped)}")
    bare = [
        name
        for name, parameter in found.items()
        if parameter.required and subject.kind not in ("source", "model") and name not in subject.options
    ]
    require(not bare, f"these options have no default: {', '.join(bare)}")


def require_options(subject: Subject) -> None:
    """Require the options that have no default."""
    found = options(subject.component, kind=subject.kind)
    missing = [
        name for name, parameter in found.items() if parameter.required and name not in subject.options
    ]
    require(not missing, f"it has no default for {', '.join(missing)}, and was given none (--option)")


def require_built(subject: Subject, **structure: Any) -> Any:
    """Build it with its options and what its interface is given, and require that it is of its kind.

    Parameters
    ----------
    subject
        What is built.
    structure
        What the constructor of its interface takes, by name.
    """
    require_options(subject)
    made = subject.build(**structure)
    interface = part_of(find_kind(subject.kind), "interface")
    require(isinstance(made, interface), f"it is a {type(made).__name__}, not a {interface.__name__}")
    return made


def converted(subject: Subject) -> Subject:
    """The same, with options as its constructor takes them: a section as a dataclass, a word as an enum.

    Where one is an object that a configuration cannot hold, all are left as they are.

    Raises
    ------
    ConfigError
        If an option has another type than the constructor says.
    """
    if not subject.options:
        return subject
    known = options(subject.component, kind=subject.kind)
    own = {name: _written(value) for name, value in subject.options.items() if name in known}
    if any(parameter.required and name not in own for name, parameter in known.items()):
        return subject
    try:
        json.dumps(own)
    except (TypeError, ValueError):
        return subject
    spec = {"name": subject.name, **own}
    checked = check_component(subject.kind, spec, subject.component, trust_code=True)
    return replace(subject, options={**subject.options, **checked})


@lru_cache(maxsize=8)  # To check options is to read the metadata of all distributions.
def with_parts(subject: Subject) -> dict[str, Any]:
    """The options that were given, those that name components as what builds them."""
    if not any(isinstance(value, Mapping) for value in subject.options.values()):
        return dict(subject.options)
    return dict(converted(subject).options)


def has_parts(subject: Subject) -> bool:
    """Whether it is made of other components, which its options name."""
    return any(_names_parts(each.type) for each in options(subject.component, kind=subject.kind).values())


def _names_parts(annotation: Any) -> bool:
    return component_in(annotation) is not None or any(map(_names_parts, get_args(annotation)))


def from_configuration(subject: Subject) -> dict[str, Any]:
    """All options, the defaults too, written to a configuration, read back and checked."""
    found = options(subject.component, kind=subject.kind)
    values = {name: parameter.default for name, parameter in found.items() if not parameter.required}
    values.update(subject.options)
    try:
        written = json.loads(json.dumps({name: _written(value) for name, value in values.items()}))
    except (TypeError, ValueError) as error:
        require(False, f"an option or its default cannot be written to a configuration: {error}")
    spec = {"name": subject.name, **written}
    return check_component(subject.kind, spec, subject.component, trust_code=True)


def spelt(given: Mapping[str, Any]) -> str:
    """Options as ``KEY=VALUE``, for the report."""
    values = {name: _written(value) for name, value in given.items()}
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, default=str)}"
        for name, value in values.items()
    )


def _written(value: Any) -> Any:
    """An option as a configuration writes it; a component, also within a dataclass, as its section."""
    if isinstance(value, Builder):
        return dict(value.spec)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _written(getattr(value, each.name)) for each in fields(value) if each.init}
    if isinstance(value, (list, tuple)):
        return [_written(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _written(each) for name, each in value.items()}
    return as_written(value)
