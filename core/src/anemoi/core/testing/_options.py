"""What can be checked of the options of any component that is built."""

from __future__ import annotations

import json
from typing import Any

from ..config.options import options
from ..config.validate import check_component
from ._check import Subject, contract, require


@contract()
def options_are_declared(subject: Subject) -> None:
    """Each option of the constructor has a type and a default; that of a source may be without a default."""
    found = options(subject.component, kind=subject.kind)
    untyped = [name for name, parameter in found.items() if parameter.type is Any]
    require(not untyped, f"these options have no type: {', '.join(untyped)}")
    bare = [name for name, parameter in found.items() if parameter.required and subject.kind != "source"]
    require(not bare, f"these options have no default: {', '.join(bare)}")


def require_options(subject: Subject) -> None:
    """See that what has no default was given."""
    found = options(subject.component, kind=subject.kind)
    missing = [
        name for name, parameter in found.items() if parameter.required and name not in subject.options
    ]
    require(not missing, f"it has no default for {', '.join(missing)}, and was given none (--option)")


def from_configuration(subject: Subject) -> dict[str, Any]:
    """All options, the defaults too, written to a configuration, read back and checked."""
    found = options(subject.component, kind=subject.kind)
    values = {name: parameter.default for name, parameter in found.items() if not parameter.required}
    try:
        written = json.loads(json.dumps({**values, **subject.options}))
    except TypeError as error:
        require(False, f"an option or its default cannot be written to a configuration: {error}")
    return check_component(subject.kind, {"name": subject.name, **written}, subject.component)
