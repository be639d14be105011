"""Checks a configuration against what its values go to, and says everything that is wrong at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args, get_origin

from ..errors import ConfigError
from .build import describe, options_of
from .composition import Composition
from .layers import find_layers
from .nearest import nearest
from .options import type_name

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from .schema import Schema, Section

T = TypeVar("T")

SETTINGS = "SETTINGS"
"""Where a package of configuration says which dataclass declares each of its primary files."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration.

    Parameters
    ----------
    key
        The dotted key.
    what
        What is wrong with it.
    fix
        What to write instead, or an empty string.
    where
        Where it was written, or an empty string if nobody knows.
    """

    key: str
    what: str
    fix: str = ""
    where: str = ""

    def __str__(self) -> str:
        return "\n  ".join(
            filter(None, [f"{self.key}: {self.what}", self.where and f"at {self.where}", self.fix])
        )


def validate(composition: Composition, settings: type[T] | None = None) -> T:
    """Check every value of a configuration, those of its components included, before anything is built.

    Parameters
    ----------
    composition
        What to check.
    settings
        The dataclass that declares what it may hold; by default the one that the package which brings
        the primary file declares in ``SETTINGS``.

    Returns
    -------
    T
        ``settings`` with the values; components stay the mappings that they are.

    Raises
    ------
    ConfigError
        With every problem: key, file and line, expected type, nearest right key.
    """
    schema = schema_of(composition, settings)
    found, checked = _check(schema, composition.values, composition)
    if not found:
        return cast(T, _construct(cast("Section", checked)))
    count = "a problem" if len(found) == 1 else f"{len(found)} problems"
    raise ConfigError(
        "\n".join([f"The configuration {composition.primary!r} has {count}.", *map(str, found)])
    )


def schema_of(composition: Composition, settings: Callable[..., Any] | None = None) -> Schema:
    """What ``composition`` may hold, given the components that it names."""
    from .schema import settings_schema

    settings = settings or _declared(composition)
    return settings_schema(settings, composition.values, trust_code=composition.trusted)


def problems(composition: Composition, settings: Callable[..., Any] | None = None) -> list[Problem]:
    """Everything that is wrong with a configuration; see :func:`validate`."""
    return _check(schema_of(composition, settings), composition.values, composition)[0]


def check_component(
    kind: str, spec: Mapping[str, Any], constructor: Callable[..., Any], *, trust_code: bool = False
) -> dict[str, Any]:
    """The options that ``spec`` gives, converted to the types of ``constructor``."""
    from .schema import component_schema

    found, checked = _check(
        component_schema(kind, spec, constructor, trust_code=trust_code), options_of(spec), None
    )
    if checked is None:
        owner = f"The {describe(kind, spec)} does not take these options."
        raise ConfigError("\n".join([owner, *map(str, found)]))
    return checked.given()


def _declared(composition: Composition) -> Callable[..., Any]:
    """The settings that the plugin which brings the primary file, or one under it, declares for it."""
    from ..plugins import load

    for config in (composition.primary, *reversed(composition.configs)):
        for layer in find_layers():
            if layer.component and layer.directory and (layer.directory / f"{config}.yaml").is_file():
                declared = getattr(load("config", layer.component), SETTINGS, {})
                if config in declared:
                    return cast(Callable[..., Any], declared[config])
    raise ConfigError(
        f"No plugin declares what the configuration {composition.primary!r} may hold: it cannot be checked.",
        fix=f"Its package declares it as {SETTINGS} = {{{composition.primary!r}: MySettings}}.",
    )


def _check(
    schema: Schema, values: Mapping[str, Any], composition: Composition | None
) -> tuple[list[Problem], Section | None]:
    from pydantic import ValidationError

    found = [
        Problem(key, error.what, error.fix or "", _where(key, composition))
        for key, error in schema.faults.items()
    ]
    try:
        checked = schema.model.model_validate_json(json.dumps(values))
    except ValidationError as error:
        wrong: dict[str, Problem] = {}
        for detail in error.errors(include_url=False):
            key, what, fix = _explain(detail, schema, values)
            # The members of a union complain one by one; the first says it all.
            wrong.setdefault(key, Problem(key, what, fix, _where(key, composition)))
        return [*found, *wrong.values()], None
    return found, None if found else checked


def _explain(detail: ErrorDetails, schema: Schema, values: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key that pydantic complains of, what is wrong with it, and what to write instead."""
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    if detail["type"] == "extra_forbidden":
        beside = schema.beside(key)
        owner = schema.feeds[beside[0]].owner if beside else ""
        names = [other.rpartition(".")[2] for other in beside]
        return key, f"not an option{f' of {owner}' if owner else ''}.", nearest(path[-1], names)
    while key not in schema.feeds and len(path) > 1:
        path.pop()
        key = ".".join(path)
    if key not in schema.feeds:
        return key, f"{detail['msg']}.", ""
    parameter = schema.feeds[key].parameter
    expected = f"expected {type_name(parameter.type)}"
    if detail["type"] == "missing" and len(path) == len(detail["loc"]):
        return key, f"missing; {expected}.", parameter.doc
    value: Any = values
    for part in path:
        value = value[int(part)] if isinstance(value, list) else value[part]
    reason = f" ({detail['msg']})" if detail["type"] in ("value_error", "assertion_error") else ""
    choices = (
        [str(each) for each in get_args(parameter.type)] if get_origin(parameter.type) is Literal else []
    )
    return key, f"{expected}, got {value!r}{reason}.", nearest(str(value), choices) if choices else ""


def _where(key: str, composition: Composition | None) -> str:
    origin = composition.origin(key) if composition else None
    return origin.where if origin else ""


def _construct(checked: Section) -> Any:
    try:
        return checked.built()
    except ValueError as error:
        raise ConfigError(str(error)) from error
