"""Checks options against the constructor that they are for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from ..errors import ConfigError
from .build import NAME, TARGET
from .nearest import nearest
from .options import Parameter, options


def options_model(name: str, parameters: Mapping[str, Parameter]) -> type[BaseModel]:
    """A pydantic model that accepts exactly these parameters."""
    fields: dict[str, Any] = {
        each.name: (each.type, Field(... if each.required else each.default, description=each.doc or None))
        for each in parameters.values()
    }
    return create_model(
        name, __config__=ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True), **fields
    )


def check_options(kind: str, spec: Mapping[str, Any], constructor: Callable[..., Any]) -> dict[str, Any]:
    """The options that ``spec`` gives, converted to the types of the constructor."""
    parameters = options(constructor)
    given = {key: value for key, value in spec.items() if key not in (NAME, TARGET)}
    what = f"{kind} {spec.get(NAME) or spec.get(TARGET)!s}"
    model = options_model(kind, parameters)
    try:
        # As JSON: a list may then become a tuple and a text a date, but never "8" a number or 1 a truth value.
        checked = model.model_validate_json(json.dumps(given))
    except ValidationError as error:
        problems = []
        for problem in error.errors():
            key = ".".join(str(part) for part in problem["loc"])
            if problem["type"] == "extra_forbidden":
                problems.append(f"{key!r} is not an option. {nearest(key, parameters)}")
            else:
                problems.append(f"{key!r}: {problem['msg']}, not {problem['input']!r}.")
        raise ConfigError(f"The {what}: " + "\n".join(problems)) from None
    return {name: getattr(checked, name) for name in given}
